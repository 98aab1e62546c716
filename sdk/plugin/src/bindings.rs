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
        path: "../../wit/0.1",
        inline: "
            package colophon:sdk-host;
            world host {
                import colophon:types/common@0.1.0;
                import colophon:host/catalog@0.1.0;
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
        path: "../../wit/0.1",
        inline: "
            package colophon:sdk-meta;
            world meta { export colophon:meta/plugin@0.1.0; }
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
                path: "../../wit/0.1",
                inline: $world,
                with: { "colophon:types/common@0.1.0": super::host::colophon::types::common },
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
    "package colophon:sdk-resolver; world resolver { export colophon:resolver/resolver@0.1.0; }",
    "export_resolver"
);
role!(
    policy,
    "package colophon:sdk-policy; world policy { export colophon:policy/policy@0.1.0; }",
    "export_policy"
);
role!(
    naming,
    "package colophon:sdk-naming; world naming { export colophon:naming/naming@0.1.0; }",
    "export_naming"
);
