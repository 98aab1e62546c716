//! What the way of log rows through NATS promises, held against real servers: each case runs on
//! Debian's release and on a current one.

#![expect(
    clippy::unwrap_used,
    reason = "cases are ordinary functions, since each is a test on two servers"
)]

mod dead_letters;
mod ground;
mod impostors;
mod limits;
mod losses;
mod lossy;
mod outages;
mod passing;
mod questions;
mod strangers;
mod unfit;

use colophon_tests::nats::{NatsRelease, NatsServer};

/// Runs every case on a server of its own, of each release.
macro_rules! on_both_releases {
    ($($module:ident => $case:ident,)*) => {
        mod debian {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::run(stringify!($case), crate::NatsRelease::Debian, crate::$module::$case).await;
                }
            )*
        }

        mod current {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::run(stringify!($case), crate::NatsRelease::Current, crate::$module::$case).await;
                }
            )*
        }
    };
}

async fn run(name: &str, release: NatsRelease, case: impl AsyncFnOnce(NatsServer)) {
    if let Some(server) = NatsServer::start(&format!("{name} on {release:?}"), release) {
        case(server).await;
    }
}

on_both_releases! {
    passing => rows_arrive_once_and_leave_the_outbox,
    passing => rows_of_an_earlier_run_are_handed_over,
    passing => two_log_writers_share_the_rows,
    passing => rows_of_many_nodes_arrive_under_their_names,
    passing => nothing_stays_in_the_stream_that_was_brought,
    losses => a_lost_answer_of_the_logging_database_makes_no_row_twice,
    losses => a_lost_confirmation_is_asked_for,
    losses => a_lost_acknowledgment_has_one_row_handed_over_again,
    losses => a_wiped_broker_loses_nothing,
    losses => a_stream_that_is_deleted_is_made_anew,
    losses => a_stream_that_is_replayed_makes_no_row_twice,
    outages => a_broker_that_is_killed_under_load_loses_nothing,
    outages => a_broker_that_counts_its_messages_anew_hands_out_all,
    outages => what_a_broker_forgets_that_it_has_handed_out_comes_again,
    outages => a_frozen_broker_keeps_nobody_waiting,
    outages => rows_that_nobody_brings_are_handed_over_once,
    outages => a_stream_that_somebody_else_makes_anew_gets_no_copies,
    outages => a_full_stream_accepts_nothing_and_loses_nothing,
    outages => a_logging_database_may_be_away,
    outages => a_host_starts_without_its_broker,
    dead_letters => what_is_no_row_is_kept_apart_and_the_others_arrive,
    dead_letters => a_row_that_the_logging_database_refuses_holds_up_no_other,
    dead_letters => a_refusal_holds_for_one_try_alone,
    dead_letters => a_logging_database_that_refuses_everything_buries_nothing,
    limits => a_row_larger_than_the_server_takes_is_set_aside,
    limits => a_row_larger_than_the_stream_takes_is_set_aside,
    limits => many_large_messages_are_brought_a_few_at_a_time,
    limits => what_is_told_at_once_fits_into_what_the_server_takes,
    limits => a_dead_letter_that_has_grown_too_large_is_cut,
    questions => answers_go_to_whoever_may_ask_and_nowhere_else,
    questions => a_node_whose_answer_takes_long_keeps_no_other_waiting,
    questions => what_the_broker_did_not_hand_out_is_not_acknowledged,
    strangers => wrong_credentials_are_told_plainly,
    strangers => files_without_a_secret_are_named,
    strangers => tls_is_believed_by_its_authority_alone,
    strangers => another_ones_stream_is_used_as_it_is,
    strangers => a_row_under_another_name_is_none,
    strangers => a_stream_for_something_else_is_not_touched,
    strangers => what_else_comes_into_the_stream_stays_there,
    strangers => a_row_removed_behind_something_else_comes_again,
    strangers => a_stream_that_may_not_be_purged_is_not,
    strangers => a_stream_that_lets_nothing_be_removed_is_told_of,
    unfit => what_the_client_does_not_hand_up_is_buried,
    unfit => what_ends_the_client_is_buried_and_another_goes_on,
}
