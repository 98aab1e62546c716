//! Bindings generated from the contract, once for all plug-ins.
//!
//! Each role is a world of its own, so that a plug-in exports any subset: the linker leaves out
//! the description of a role whose export macro is not used, and the component is described by
//! the union of the rest.

#![expect(
    missing_docs,
    reason = "generated: what the contract comments is commented, modules are not"
)]

pub(crate) mod host {
    wit_bindgen::generate!({
        path: "../../wit/1.0",
        inline: "
            package colophon:sdk-host;
            world host {
                import colophon:types/common@1.0.0;
                import colophon:host/catalog@1.0.0;
                import colophon:host/config@1.0.0;
                import colophon:host/http@1.0.0;
                import colophon:host/kv@1.0.0;
                import colophon:host/log@1.0.0;
                import colophon:host/sql@1.0.0;
            }
        ",
        std_feature,
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
}

pub mod meta {
    wit_bindgen::generate!({
        path: "../../wit/1.0",
        inline: "
            package colophon:sdk-meta;
            world meta { export colophon:meta/plugin@1.0.0; }
        ",
        std_feature,
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_meta",
        disable_run_ctors_once_workaround: true,
    });
}

/// A world that exports one role and takes the shared types from [`host`].
macro_rules! role {
    ($role:ident, $world:literal, $export:literal) => {
        pub mod $role {
            wit_bindgen::generate!({
                path: "../../wit/1.0",
                inline: $world,
                with: { "colophon:types/common@1.0.0": super::host::colophon::types::common },
                std_feature,
                generate_all,
                pub_export_macro: true,
                export_macro_name: $export,
                disable_run_ctors_once_workaround: true,
                additional_derives: [PartialEq, Eq],
            });
        }
    };
}

role!(
    resolver,
    "package colophon:sdk-resolver; world resolver { export colophon:resolver/resolver@1.0.0; }",
    "export_resolver"
);
role!(
    policy,
    "package colophon:sdk-policy; world policy { export colophon:policy/policy@1.0.0; }",
    "export_policy"
);
role!(
    naming,
    "package colophon:sdk-naming; world naming { export colophon:naming/naming@1.0.0; }",
    "export_naming"
);
role!(
    retailers,
    "package colophon:sdk-retailers; world retailers { export colophon:retailers/retailers@1.0.0; }",
    "export_retailers"
);
