//! What the store promises, held against both engines: each case runs on SQLite files and on a
//! PostgreSQL server.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "cases are ordinary functions, since each is a test of two engines"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else comes is wrong in a test"
)]

mod activation;
mod billing;
mod changes;
mod costs;
mod damage;
mod decisions;
mod licensing;
mod log;
mod mapping;
mod migration;
mod node;
mod nodes;
mod place;
mod plugins;
mod privacy;
mod records;
mod refused_records;
mod samples;
mod server_events;
mod titles;
mod values;

/// Runs every case on its own SQLite file, as a test of its own, and on PostgreSQL, where the cases
/// of a group share a server one after the other.
macro_rules! on_both_engines {
    ($($group:ident { $($($module:ident)::+ => $case:ident,)* })*) => {
        mod sqlite {
            use crate::place::Place;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$($module)::+::$case(&Place::file()).await;
                }
            )*)*
        }

        mod postgres {
            use crate::place::Place;
            use colophon_tests::postgres::PostgresServer;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $group() {
                    let promises = concat!("promises on PostgreSQL: ", stringify!($group));
                    let Some(server) = PostgresServer::start(promises) else {
                        return;
                    };
                    $(
                        eprintln!("{} on PostgreSQL", stringify!($case));
                        crate::$($module)::+::$case(&Place::server(&server, stringify!($case))).await;
                    )*
                }
            )*
        }
    };
}

on_both_engines! {
    // Alone on its server, so that the files are few: it reads them all.
    readable_files {
        privacy => no_secret_and_no_person_is_readable_in_the_files,
        decisions => no_buyer_is_readable_in_decisions,
        activation::privacy => nobody_is_readable_in_the_files,
        activation::orders::endings => nobody_is_readable_in_orders,
    }
    records {
        records => a_center_is_made_once_and_read_back,
        records => a_center_has_the_provider_it_was_given,
        records => an_authority_takes_the_place_of_the_one_it_was_made_for,
        records => of_many_authorities_of_one_name_the_first_holds,
        records => a_retailer_is_registered_with_its_key_and_addresses,
        records => a_retailer_can_have_several_live_keys,
        records => a_revoked_key_stays_known,
        records => addresses_are_replaced_as_a_whole,
        records => what_belongs_to_nobody_is_not_added,
        records => exactly_as_many_uses_as_allowed_are_taken,
        records => a_use_pays_for_so_many_resumed_bytes,
    }
    titles {
        titles::entering => a_title_is_entered_with_everything,
        titles::entering => a_title_is_entered_whole_or_not_at_all,
        titles::changing => what_is_not_changed_stays,
        titles::changing => a_replaced_form_takes_its_key_with_it,
        titles::entering => a_removed_title_leaves_nothing,
        titles::finding => titles_are_listed_page_by_page,
        titles::finding => titles_are_found_by_any_part_of_their_names,
        titles::finding => centers_see_only_their_own,
    }
    changes {
        changes => every_insert_update_and_delete_is_logged,
        changes => a_change_by_another_program_is_logged,
        changes => a_record_with_another_key_is_logged_under_both,
        changes => every_cached_column_counts_the_version_up,
        changes => a_failed_change_is_no_change,
        changes => old_changes_can_be_removed,
        changes => another_epoch_can_be_begun,
        changes => no_change_is_skipped_however_late_it_is_committed,
        nodes => a_process_is_known_as_it_said,
        nodes => a_process_renews_its_own_row,
        nodes => a_process_takes_the_place_of_the_one_before,
        nodes => two_processes_of_one_node_hear_of_each_other,
        nodes => a_process_that_takes_over_is_no_copy,
        nodes => a_process_that_has_ended_does_not_come_back,
        nodes => a_node_is_forgotten_unless_it_is_there,
        nodes => nodes_go_by_age,
        nodes => what_a_node_has_not_followed_is_told,
        nodes => what_nodes_say_is_no_change_that_anybody_follows,
        nodes => many_may_begin_at_once,
        nodes => what_is_said_often_takes_no_room,
    }
    log {
        log => a_row_comes_back_as_it_was_handed_in,
        log => rows_handed_in_again_change_nothing,
        log => a_new_person_beside_a_known_row_stays_readable,
        log => a_refusal_has_no_sale,
        log => rows_are_listed_from_the_latest_back,
        log => an_erased_person_cannot_be_read_any_more,
        log => erasing_one_person_leaves_the_others,
        log => uses_of_keys_are_counted,
        log => a_node_has_arrived_as_far_as_its_first_gap,
        log => writers_that_share_a_nodes_rows_leave_no_gap,
        log => what_has_arrived_of_a_node_is_told,
        refused_records => a_record_against_a_rule_is_refused,
        refused_records => a_record_against_a_check_or_a_trigger_is_refused,
        refused_records => a_record_of_a_damaged_person_is_refused,
        refused_records => a_table_that_is_away_refuses_nothing,
        server_events => an_event_comes_back_as_it_was_handed_in,
        server_events => both_kinds_arrive_once_and_without_a_gap,
        server_events => events_are_listed_from_the_latest_back,
        server_events => an_event_moved_to_another_row_does_not_open,
        billing => counts_are_given_step_by_step,
        billing => purchases_are_billed_once_all_bytes_were_sent,
        billing => two_writers_with_a_half_each_complete_a_purchase,
        billing => billing_agrees_with_a_count_of_single_bytes,
    }
    licensing {
        licensing => a_center_has_the_licensor_and_the_keys_for_forms_it_was_given,
        licensing => rights_are_set_and_taken_back,
        licensing => a_delegation_is_kept_with_its_title,
        licensing => of_two_who_change_rights_at_once_one_is_told,
        licensing => damaged_rights_are_replaced_without_being_read,
        licensing => a_personas_certificate_is_kept_and_replaced,
        licensing => a_license_is_recorded_until_its_person_is_erased,
    }
    mapping {
        mapping => a_statement_finds_rows_in_the_types_of_the_contract,
        mapping => parameters_of_every_type_are_compared_as_what_they_are,
        mapping => rows_and_bytes_are_counted,
        mapping => rows_come_in_the_statements_order_and_the_last_are_left_out,
        mapping => statements_that_do_not_fit_are_refused_when_they_are_prepared,
        mapping => values_that_are_too_large_never_arrive,
        mapping => values_that_do_not_fit_are_not_the_databases_fault,
        mapping => a_user_who_may_do_more_than_read_is_refused,
        mapping => a_lock_does_not_outlive_its_statement,
        mapping => what_no_plug_in_can_be_given_is_named,
        mapping => nothing_is_written_by_whatever_way,
        mapping => a_statement_that_does_not_end_is_ended,
        mapping => versions_of_a_plug_in_run_no_more_statements_than_one,
        mapping => a_hosts_own_database_is_no_mapping_database,
    }
    values {
        values => a_value_comes_back_until_it_is_taken_away,
        values => values_are_kept_apart_by_center_plug_in_and_key,
        values => a_value_is_swapped_only_for_what_was_expected,
        values => a_quota_counts_keys_and_values_to_the_byte,
        values => writers_at_once_lose_nothing_and_keep_the_quota,
        values => a_value_moved_to_another_place_does_not_open,
        values => a_center_takes_its_values_with_it,
        values => keys_are_listed_by_their_bytes,
        values => plug_ins_that_hang_take_nobodys_connections,
    }
    plugins {
        plugins::publishing => a_version_comes_back_as_it_was_published,
        plugins::publishing => what_is_kept_is_listed_by_name_and_by_digest,
        plugins::publishing => a_version_is_published_once,
        plugins::stepping => every_step_is_a_change_of_its_center,
        plugins::stepping => two_operators_who_promote_at_once_leave_one_active,
        plugins::stepping => of_two_who_go_back_at_once_one_does,
        plugins::stepping => a_version_that_stands_in_is_not_gone_back_from_by_itself,
        plugins::stepping => a_canary_and_a_rejection_keep_share_and_reason,
        plugins::granting => a_grant_holds_for_all_versions_that_fit,
        plugins::granting => a_version_that_does_not_fit_comes_back_by_no_way,
        plugins::granting => what_is_asked_keeps_an_earlier_grant_only_by_choice,
        plugins::granting => a_rejected_version_has_no_grant,
        plugins::granting => a_grant_is_decided_on_the_versions_that_are_there,
        plugins::granting => a_version_is_published_under_the_grant_it_was_held_against,
        plugins::publishing => what_is_asked_is_not_removed,
        plugins::stepping => plug_ins_are_asked_in_the_order_they_were_put_in,
        plugins::stepping => whoever_changes_plug_ins_at_once_waits_for_the_others,
        plugins::publishing => so_many_versions_are_kept_and_no_more,
        plugins::stepping => the_history_is_kept_up_to_a_number_of_lines,
        plugins::publishing => the_oldest_versions_go_with_their_components,
        plugins::publishing => centers_do_not_see_each_others_plug_ins,
        plugins::questions => questions_are_kept_up_to_a_number,
        plugins::questions => a_question_is_kept_once_and_can_be_dropped,
        plugins::questions => grants_and_questions_are_bound_to_their_rows,
        plugins::publishers => publishers_come_and_go,
        plugins::publishers => what_nobody_has_signed_is_put_into_no_place,
    }
    decisions {
        decisions => a_decision_comes_back_as_it_was_kept,
        decisions => damage_is_found_wherever_it_lies,
        decisions => the_latest_decisions_of_every_center_are_tried,
        decisions => what_is_kept_under_something_else_is_told_and_stays,
        decisions => the_last_decisions_are_kept_and_those_of_chance,
        decisions => decisions_go_by_age,
        decisions => decisions_go_with_their_plug_in,
        decisions => a_role_that_is_asked_often_pushes_no_other_out,
        decisions => decisions_are_found_by_their_request,
        decisions => decisions_about_an_erased_buyer_go,
        decisions => what_names_no_buyer_goes_by_the_request_in_the_log,
        decisions => a_decision_moved_to_another_row_does_not_open,
        costs => what_hosts_book_is_added_up,
        costs => costs_are_told_by_every_part_of_their_key,
        costs => a_batch_is_booked_once,
        costs => hosts_that_book_the_same_rows_at_once_lose_nothing,
        costs => costs_go_by_age,
        costs => costs_outlive_what_they_were_spent_on,
    }
    migration {
        damage => a_value_moved_to_another_row_does_not_open,
        damage => a_wrong_master_key_is_told_from_damage,
        damage => an_encrypted_form_without_a_key_is_found,
        damage => rows_that_nobody_can_read_are_told_of_who_is_to_be_erased,
        migration => a_database_is_migrated_once,
        migration => several_programs_may_migrate_at_once,
        migration => an_older_database_names_the_command,
        migration => a_newer_database_is_refused,
        migration => an_altered_migration_is_refused,
    }
    accounts {
        activation::privacy => an_erased_persona_leaves_only_numbers,
        activation::privacy => every_table_that_somebody_was_erased_from_is_cleaned_up,
        activation::accounts => an_account_is_made_once_and_read_back,
        activation::accounts => a_changed_password_ends_all_sessions,
        activation::accounts => a_hash_is_renewed_unless_the_password_was_changed,
        activation::accounts => a_reset_works_once_and_ends_all_sessions,
        activation::accounts => an_identity_has_one_persona,
        activation::accounts => a_session_lasts_until_its_end,
        activation::grants => a_grant_is_decided_once,
        activation::grants => a_proposed_name_is_kept_until_the_person_decides,
        activation::grants => a_code_belongs_to_one_grant,
        activation::grants => polling_tells_how_far_the_person_is,
        activation::grants => a_token_is_good_for_a_day,
        activation::grants => progress_is_noted_until_everything_was_sent,
    }
    admission {
        activation::admission => a_sixth_machine_is_never_admitted,
        activation::admission => one_machine_asking_many_times_at_once_counts_once,
        activation::admission => an_admitted_activation_survives_the_process,
        activation::admission => a_package_is_given_again_byte_for_byte,
        activation::admission => a_new_sign_in_goes_on_with_what_was_never_finished,
        activation::admission => an_empty_pool_counts_nothing,
        activation::admission => a_persona_has_one_key_pair_and_shares_it_with_nobody,
        activation::admission => the_quota_follows_the_calendar,
        activation::admission => the_same_machine_is_free_a_few_times,
        activation::admission => machines_of_one_persona_have_different_ids,
        activation::admission => a_released_machine_costs_an_activation_again,
        activation::admission => a_device_is_renamed_by_its_own_persona,
        activation::admission => a_grant_ends_with_its_machine,
        activation::admission => a_machine_released_meanwhile_gets_nothing,
        activation::admission => only_an_approved_grant_admits_one_machine,
        activation::admission => a_persona_keeps_its_first_certificate,
    }
    flow {
        activation::flow => a_failure_after_admission_costs_nothing,
        activation::flow => a_process_that_dies_while_it_makes_the_package_loses_nothing,
        activation::flow => a_package_that_did_not_arrive_is_sent_again,
        activation::flow => a_new_root_is_for_the_next_approval_and_not_for_a_retry,
        activation::flow => requests_at_once_get_one_package,
        activation::flow => an_empty_pool_is_said_and_made_up_for,
        activation::flow => a_persona_withdrawn_meanwhile_gets_nothing,
        activation::flow => a_persona_reinstated_meanwhile_gets_a_new_certificate,
        activation::flow => a_machine_released_meanwhile_gets_no_package,
    }
    orders {
        activation::orders => an_order_is_claimed_as_it_was_placed_and_delivered,
        activation::orders => of_workers_that_race_for_orders_each_gets_others,
        activation::orders => a_worker_that_lost_an_order_takes_the_next,
        activation::orders => an_order_outlives_its_worker,
        activation::orders => a_slow_worker_delivers_what_nobody_else_has_begun,
        activation::orders => an_order_is_given_up_with_its_cause_and_may_be_placed_again,
        activation::orders => an_order_that_kills_its_workers_is_given_up,
        activation::orders => a_worker_without_room_uses_up_no_attempt,
        activation::orders => the_same_order_is_placed_once_and_another_takes_its_place,
        activation::orders => a_worker_under_another_master_key_is_at_work_for_nobody,
        activation::orders => workers_are_known_while_they_say_that_they_are_there,
        activation::orders => workers_know_whether_somebody_relies_on_them,
        activation::orders::leases => a_worker_that_is_still_at_an_order_keeps_it,
        activation::orders::leases => an_order_placed_anew_is_still_its_workers,
        activation::orders::leases => another_order_is_not_the_slow_workers,
        activation::orders::leases => clocks_may_be_a_few_seconds_apart,
        activation::orders::meddling => nothing_is_made_with_a_strangers_root_or_for_another_machine,
        activation::orders::meddling => a_repository_made_for_another_order_is_not_taken,
        activation::orders::meddling => damage_in_orders_is_found,
        activation::orders::endings => an_order_ends_with_the_package,
        activation::orders::endings => an_order_ends_with_its_machine,
        activation::orders::endings => an_order_ends_when_its_persona_is_withdrawn,
        activation::orders::endings => an_order_ends_when_its_persona_is_erased,
        activation::orders::endings => an_order_is_forgotten_when_its_reader_cannot_ask_any_more,
    }
    orders_made_elsewhere {
        activation::orders::made_elsewhere => requests_at_once_get_one_package_from_a_worker_elsewhere,
        activation::orders::made_elsewhere => without_a_worker_a_reader_is_told_to_ask_again,
        activation::orders::made_elsewhere => what_cannot_be_made_is_said_with_its_cause_and_costs_nothing,
        activation::orders::made_elsewhere => a_worker_that_dies_over_an_order_is_replaced,
        activation::orders::made_elsewhere => an_order_that_ends_meanwhile_ends_the_request,
        activation::orders::made_elsewhere => a_host_that_makes_its_own_makes_others_too,
    }
    activation_operator {
        activation::operator => settings_hold_from_the_next_activation_on,
        activation::operator => an_operator_may_give_an_activation_back,
        activation::operator => an_activation_is_given_back_after_its_release_too,
        activation::operator => a_withdrawn_persona_activates_nothing,
        activation::operator => nothing_is_kept_for_a_persona_withdrawn_meanwhile,
        activation::operator => no_package_is_kept_under_a_revoked_certificate,
        activation::operator => reports_count_by_period,
        activation::operator => the_latest_personas_are_listed,
        activation::operator => what_has_run_out_is_forgotten,
        activation::operator => a_wrong_master_key_is_noticed,
    }
}
