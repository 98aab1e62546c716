//! Asks each role of a plug-in something: a component can export a function that ends every call of it,
//! as the tools of interpreters make one of a name that the source does not export.

use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::Role;
use colophon_plugin_host::bench::Trial;

use super::super::script::{Lines, Script};
use super::super::test::{Case, plainest_question};
use super::advice::unoffered;
use super::{Report, Tested};

/// How many of a role's cases are tried.
const CASES_MAX: usize = 5;

/// What to do about a role that answers nothing at all.
const NEXT: &str = "look first whether it is exported under the contract's name: in JavaScript \
    `export const resolver = { resolve: … }` and so on for each role, in Python the class and the method \
    of that name. Otherwise it stops itself, by a panic or by an exception that nobody caught";

/// Asks each role a few of the author's own questions, or the plainest there is where there are none.
/// That answers are right is for `test` to see: here a role is told that traps whatever it is asked.
pub(super) async fn ask_all(report: &mut Report, tested: &Tested, cases: Vec<Case>) {
    let mut own: Vec<(Role, Vec<Case>)> = tested
        .bench
        .roles()
        .iter()
        .map(|role| (*role, Vec::new()))
        .collect();
    for case in cases {
        let role = own.iter_mut().find(|(role, _)| *role == case.role());
        if let Some((_, of_role)) = role
            && of_role.len() < CASES_MAX
            && !case.expects_a_stop()
        {
            of_role.push(case);
        }
    }
    for (role, cases) in own {
        let lines = Lines::default();
        let asked = cases.len();
        let trapped = match cases.is_empty() {
            true => plainest(tested, role, &lines).await,
            false => every_case(tested, cases, &lines).await,
        };
        let Some(trap) = trapped else { continue };
        report.written(&lines);
        let next = if let PluginFailure::Trapped { message, .. } = &trap {
            unoffered(message)
        } else {
            None
        };
        let next = next.unwrap_or(NEXT).to_owned();
        if asked == 0 {
            let found = format!("a plain question, with no service there: {trap}");
            report.warn(role.as_str(), found, next);
        } else {
            let found = format!("each of its cases that was tried ({asked}): {trap}");
            report.bad(role.as_str(), found, Some(next));
        }
    }
}

/// The trap of the last case, where each of them ends by one.
async fn every_case(tested: &Tested, cases: Vec<Case>, lines: &Lines) -> Option<PluginFailure> {
    let mut trap = None;
    for case in cases {
        let role = case.role();
        let (input, host) = case.into_question();
        let script = Script::new(host, tested.manifest.clone(), lines);
        let asked = tested.bench.ask(role, &input, Box::new(script)).await;
        // A case that cannot be asked is for `test` to tell.
        trap = Some(asked.ok().and_then(trapped)?);
    }
    trap
}

async fn plainest(tested: &Tested, role: Role, lines: &Lines) -> Option<PluginFailure> {
    let script = Script::unavailable(lines);
    let question = plainest_question(role);
    let asked = tested.bench.ask(role, &question, Box::new(script)).await;
    asked.ok().and_then(trapped)
}

fn trapped(trial: Trial) -> Option<PluginFailure> {
    let failure = trial.outcome.err();
    failure.filter(|failure| matches!(failure, PluginFailure::Trapped { .. }))
}
