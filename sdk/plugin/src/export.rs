//! The macro that makes a component of a type.

/// Exports a type as a plug-in: `export!(Type: resolver, policy, naming, retailers)`, with the
/// roles that it plays. It must implement [`Plugin`](crate::Plugin) and the roles' traits.
#[macro_export]
macro_rules! export {
    ($plugin:ident : $($role:ident),+ $(,)?) => {
        const _: () = {
            struct Described;

            impl $crate::exported::Meta for Described {
                fn describe() -> $crate::exported::Info {
                    $crate::exported::Info {
                        name: $crate::exported::String::from(env!("CARGO_PKG_NAME")),
                        version: $crate::exported::String::from(env!("CARGO_PKG_VERSION")),
                        sdk: $crate::exported::String::from($crate::SDK),
                        min_host: $crate::exported::String::from($crate::CONTRACT),
                        needs: <$plugin as $crate::Plugin>::needs(),
                        extra: $crate::exported::Vec::new(),
                    }
                }

                fn self_test() -> ::core::result::Result<(), $crate::exported::String> {
                    <$plugin as $crate::Plugin>::self_test()
                }
            }

            $crate::exported::meta::export_meta!(
                Described with_types_in $crate::exported::meta
            );
        };
        $($crate::export_role!($plugin, $role);)+
    };
}

/// Exports one role; [`export!`] expands to it.
#[doc(hidden)]
#[macro_export]
macro_rules! export_role {
    ($plugin:ident, resolver) => {
        $crate::exported::resolver::export_resolver!(
            $plugin with_types_in $crate::exported::resolver
        );
    };
    ($plugin:ident, policy) => {
        $crate::exported::policy::export_policy!(
            $plugin with_types_in $crate::exported::policy
        );
    };
    ($plugin:ident, naming) => {
        $crate::exported::naming::export_naming!(
            $plugin with_types_in $crate::exported::naming
        );
    };
    ($plugin:ident, retailers) => {
        $crate::exported::retailers::export_retailers!(
            $plugin with_types_in $crate::exported::retailers
        );
    };
}
