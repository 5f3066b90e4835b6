//! `report --html`: one page with everything of all days, to be read without a server, a script or the network.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use askama::Template;

use super::{End, saying};
use crate::assess::domains::Survey;
use crate::clock;
use crate::config::Config;
use crate::store::Store;

mod domains;
mod model;
mod policies;
mod problems;
mod svg;

use model::{Material, Page};

/// Days on the page at most.
const MAX_DAYS: i64 = 731;

#[derive(Template)]
#[template(path = "report.html")]
struct Html<'a> {
    page: &'a Page,
}

/// Writes the page to `file`; `-` is standard output.
pub(super) fn report(config: &Config, file: &Path) -> anyhow::Result<End> {
    let html = page(config)?;
    if file.as_os_str() == "-" {
        std::io::stdout().lock().write_all(html.as_bytes())?;
        return Ok(End::Done);
    }
    write(file, &html).with_context(|| {
        format!(
            "cannot write {}; name a file in a folder where you may write",
            file.display()
        )
    })?;
    writeln!(
        std::io::stdout().lock(),
        "{}: {} bytes; open it with a browser",
        file.display(),
        html.len()
    )?;
    Ok(End::Done)
}

fn page(config: &Config) -> anyhow::Result<String> {
    let today = saying::today();
    let store = Store::open_read_only(&config.store)?;
    let problems = store.problems(today, &config.domains)?;
    let survey = Survey::of(&store.whole_history(today, &config.domains)?, &problems);
    let first = today.saturating_add(jiff::Span::new().days(1 - MAX_DAYS));
    let material = Material {
        today,
        made: clock::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        survey: &survey,
        problems: &problems,
        rows: &store.chart(first)?,
        policies: &store.chart_policies(first)?,
    };
    Ok(Html {
        page: &Page::of(&material),
    }
    .render()?)
}

/// Whole or not at all, with the permissions that the system gives to new files.
fn write(file: &Path, html: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut written = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    written.write_all(html.as_bytes())?;
    written.persist(file)?;
    Ok(())
}
