//! Export to a stick and import from it, beside `cp` and a flush of the same package.
//! Never leaves what one round wrote to the next: each begins with an empty folder and an empty box.
//! Called by `main`.

use std::fs;
use std::path::Path;

use crate::measure::{self, Cost};
use crate::site::{BenchCentral, BenchSite, folder};
use crate::{Result, cells, median, table};

const ROUNDS: usize = 3;

/// Prints the table for a package of so many MiB.
pub(crate) fn run(mib: usize) -> Result<()> {
    let home = folder()?;
    let central = BenchCentral::with_package(home.path(), &format!("{mib}MiB"))?;
    let key = home.path().join("site.key");
    let lines = format!("[download]\nreserve = \"0\"\n[site]\nkey_file = {key:?}\n");
    let site = BenchSite::new(&central, None, "[download]\nreserve = \"0\"\n")?;
    let name = key.to_string_lossy().into_owned();
    site.good(&["site", "key", "new", &name])?;
    let config = site.root.path().join("etc/boxsync/boxsync.toml");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, text + &format!("[site]\nkey_file = {key:?}\n"))?;
    site.good(&["sync", "--data"])?;
    let delivery = site.package()?["delivery"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let plain = home.path().join("package.zip");
    site.good(&["packages", "export", &delivery, &plain.to_string_lossy()])?;

    let stick = home.path().join("stick");
    let place = stick.to_string_lossy().into_owned();
    let mut costs = [Vec::new(), Vec::new(), Vec::new()];
    // The first round warms the page cache.
    for _ in 0..=ROUNDS {
        fs::create_dir(&stick)?;
        costs[0].push(copied(home.path(), &plain)?);
        costs[1].push(site.measured(&["carry", "export", &place])?.0);
        let other = BenchSite::new(&central, None, &lines)?;
        costs[2].push(other.measured(&["carry", "import", &place])?.0);
        fs::remove_dir_all(&stick)?;
    }
    let [floor, export, import] =
        costs.map(|costs| median(costs.into_iter().skip(1).collect(), |cost| cost.wall));
    let row = |name: &str, cost: &Cost| {
        vec![
            name.to_owned(),
            format!("{:.2}", cost.wall),
            format!("{:.2}", cost.wall / floor.wall),
            format!("{:.2}", cost.cpu),
            format!("{:.1}", cost.rss),
        ]
    };
    let rows = [
        cells(["", "wall s", "/ cp's", "CPU s", "peak MiB"]),
        row("cp, sync", &floor),
        row("carry export", &export),
        row("carry import", &import),
    ];
    let title = format!(
        "{mib} MiB on one disk, median of {ROUNDS} interleaved; aim: 1.3 x cp and its flush"
    );
    table(&title, &rows);
    Ok(())
}

/// `cp` of a file, then a flush of the copy.
fn copied(home: &Path, file: &Path) -> Result<Cost> {
    let copy = home.join("copy.zip");
    let words = ["-ec", "cp \"$1\" \"$2\" && sync \"$2\"", "sh"];
    let paths = [file, &copy].map(|path| path.to_string_lossy().into_owned());
    let all: Vec<&str> = words
        .into_iter()
        .chain(paths.iter().map(String::as_str))
        .collect();
    let (cost, output) = measure::run(home, Path::new("sh"), &all)?;
    fs::remove_file(&copy)?;
    match output.status.success() {
        true => Ok(cost),
        false => Err(format!("cp: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
