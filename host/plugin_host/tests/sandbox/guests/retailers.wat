;; Zeroed memory reads as empty texts and as the first arm of a result: a description of nothing, a
;; self-test that passed.
(module
  (memory (export "memory") 2)
  (data (i32.const 3000) "RECORD")
  (global $top (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $wanted i32) (result i32)
    (local $start i32)
    (local.set $start
      (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.set $top (i32.add (local.get $start) (local.get $wanted)))
    (local.get $start))
  (func (export "colophon:meta/plugin@1.0.0#describe") (result i32) (i32.const 1024))
  (func (export "colophon:meta/plugin@1.0.0#self-test") (result i32) (i32.const 2048))
  (func (export "colophon:retailers/retailers@1.0.0#identify")
    (param i32 i32 i64 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 4104) (i32.const 3000))
    (i32.store (i32.const 4108) (i32.const LENGTH))
    (i32.const 4096)))
