;; What a resolver needs to be one: memory, room for what the host passes in, a description of
;; itself (empty) and a self-test (passed). What it resolves is put in below.
(module
  (import "colophon:host/catalog@1.0.0" "find"
    (func $find (param i32 i32 i32 i32 i32)))
  ;; IMPORTS

  (memory (export "memory") 2)
  (table $table 1 funcref)
  ;; The first page is for answers; the host's data begin at the second.
  (global $top (mut i32) (i32.const 65536))

  (func $cabi_realloc (export "cabi_realloc")
    (param $block i32) (param $length i32) (param $align i32) (param $wanted i32) (result i32)
    (local $start i32)
    (local.set $start
      (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.set $top (i32.add (local.get $start) (local.get $wanted)))
    (local.get $start))

  ;; Zeroed memory reads as empty texts, and as the first arm of a result.
  (func (export "colophon:meta/plugin@1.0.0#describe") (result i32) (i32.const 1024))
  (func (export "colophon:meta/plugin@1.0.0#self-test") (result i32) (i32.const 2048))

  ;; ok(not-mine): arm 0 of the result, arm 1 of the answer.
  (func $not_mine (result i32)
    (i32.store8 (i32.const 4104) (i32.const 1))
    (i32.const 4096))

  ;; ok(found(…)) with root "main" and a path, without sha256, size and extra. The location begins
  ;; at 4112: root, path, sha256 at 4128, size at 4144, extra at 4160.
  (func $found (param $path i32) (param $length i32) (result i32)
    (i32.store (i32.const 3000) (i32.const 0x6e69616d))
    (i32.store (i32.const 4112) (i32.const 3000))
    (i32.store (i32.const 4116) (i32.const 4))
    (i32.store (i32.const 4120) (local.get $path))
    (i32.store (i32.const 4124) (local.get $length))
    (i32.const 4096))

  (export "colophon:resolver/resolver@1.0.0#resolve" (func $resolve))

  ;; BODY
)
