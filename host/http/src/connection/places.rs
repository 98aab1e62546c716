//! Places for open connections: so many in all, so many for one network of clients.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::Limits;

/// Which limit left no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All places of the host are taken.
    Host,
    /// All places of this client's network are taken.
    Client,
}

impl NoPlace {
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Client => "client",
        }
    }
}

/// The places of a host.
#[derive(Debug)]
pub(super) struct Places {
    all_max: usize,
    client_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all_max: limits.connections_max,
            client_max: limits.connections_per_address_max,
            taken: Mutex::default(),
        }
    }

    /// Takes a place for a client.
    pub(super) fn take(self: &Arc<Self>, client: IpAddr) -> Result<Place, NoPlace> {
        self.take_as(Some(network(client)))
    }

    /// Takes a place for a proxy, which speaks for many clients.
    pub(super) fn take_for_proxy(self: &Arc<Self>) -> Result<Place, NoPlace> {
        self.take_as(None)
    }

    fn take_as(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Place, NoPlace> {
        let mut taken = self.taken();
        if taken.all >= self.all_max {
            return Err(NoPlace::Host);
        }
        if let Some(client) = client {
            let count = taken.by_client.entry(client).or_default();
            if *count >= self.client_max {
                return Err(NoPlace::Client);
            }
            *count = count.saturating_add(1);
        }
        taken.all = taken.all.saturating_add(1);
        Ok(Place {
            places: Arc::clone(self),
            client,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // The counts are right after every statement, so a panic elsewhere does not spoil them.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let Some(client) = self.client else { return };
        if let Some(count) = taken.by_client.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_client.remove(&client);
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or the /64 network that an IPv6 customer gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all: usize, client: usize) -> Arc<Places> {
        let limits = Limits {
            connections_max: all,
            connections_per_address_max: client,
            ..Limits::default()
        };
        Arc::new(Places::new(&limits))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_holds_and_places_come_back() {
        let places = places(3, 2);
        let first = places.take(ip("192.0.2.1")).unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(places.take(ip("192.0.2.1")).unwrap_err(), NoPlace::Client);
        let _third = places.take(ip("192.0.2.2")).unwrap();
        assert_eq!(places.take(ip("192.0.2.3")).unwrap_err(), NoPlace::Host);
        assert_eq!(places.take_for_proxy().unwrap_err(), NoPlace::Host);
        drop(first);
        let _again = places.take(ip("192.0.2.1")).unwrap();
        assert_eq!(places.taken().by_client.len(), 2);
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        let places = places(9, 1);
        let _first = places.take(ip("2001:db8:1:2::1")).unwrap();
        assert_eq!(
            places.take(ip("2001:db8:1:2:ffff::9")).unwrap_err(),
            NoPlace::Client
        );
        let _other = places.take(ip("2001:db8:1:3::1")).unwrap();
    }

    #[test]
    fn proxies_are_not_counted_as_clients() {
        let places = places(3, 1);
        let held: Vec<Place> = (0..3).map(|_| places.take_for_proxy().unwrap()).collect();
        assert_eq!(held.len(), 3);
        drop(held);
        assert_eq!(places.taken().all, 0);
    }
}
