//! `colophon plugin vectors`: the questions that later versions have to survive.

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::Chosen;
use crate::house::House;
use crate::output::{Output, confirm, table};

#[derive(Serialize)]
struct Row {
    number: i64,
    at: String,
    version: String,
    role: String,
    failure: String,
    /// The question as cases hold it, without what would tell who the buyer is.
    input: Value,
}

pub(super) async fn list(house: &House, chosen: &Chosen, output: Output) -> Result<()> {
    let Chosen { center, record } = chosen;
    let kept = house.store.plugin_vectors(center, &record.id).await?;
    let rows: Vec<Row> = kept
        .into_iter()
        .map(|vector| Row {
            number: vector.number,
            at: super::listing::moment(vector.at),
            version: vector.version.to_string(),
            role: vector.role,
            failure: vector.failure,
            input: serde_json::from_str(&vector.input).unwrap_or(Value::Null),
        })
        .collect();
    output.print(&rows, |rows| {
        if rows.is_empty() {
            return format!("No question of {} is kept.", record.id);
        }
        let cells = rows.iter().map(|row| {
            vec![
                row.number.to_string(),
                row.at.clone(),
                row.version.clone(),
                row.role.clone(),
                row.failure.clone(),
                row.input.to_string(),
            ]
        });
        let headings = [
            "number",
            "at",
            "version",
            "role",
            "what came of it",
            "question",
        ];
        table(&headings, cells)
    })
}

pub(super) async fn drop(
    house: &House,
    chosen: &Chosen,
    numbers: &[i64],
    yes: bool,
    output: Output,
) -> Result<()> {
    let Chosen { center, record } = chosen;
    let listed: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let listed = listed.join(", ");
    let kept = house.store.plugin_vectors(center, &record.id).await?;
    let is_kept = |number: &i64| kept.iter().any(|one| one.number == *number);
    let missing: Vec<String> = numbers
        .iter()
        .filter(|number| !is_kept(number))
        .map(ToString::to_string)
        .collect();
    if !missing.is_empty() {
        let id = &record.id;
        bail!(
            "question {} of {id} is not kept in center {center}, so nothing was dropped; see `colophon \
             plugin vectors --center {center} {id}`",
            missing.join(", ")
        );
    }
    let question = format!(
        "Drop question {listed} of {} in center {center}? Later versions are published without being \
         asked it.",
        record.id
    );
    confirm(&question, yes)?;
    let dropped = house
        .store
        .drop_plugin_vectors(center, &record.id, numbers)
        .await;
    dropped.with_context(|| format!("not all of {listed} are kept; nothing was dropped"))?;
    output.print(&json!({ "dropped": numbers }), |_| {
        format!(
            "Dropped question {listed} of {} in center {center}.",
            record.id
        )
    })
}
