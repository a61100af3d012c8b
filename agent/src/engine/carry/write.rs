//! Writes an export to its stick: what is missing, then the head, then what no head needs goes.
//! Never holds more than some objects in memory, and never puts a head in place before what it names is durable.
//! Called by the verb `carry export`.

use std::collections::BTreeSet;

use logic::carry::{SPAN, StickHead, StickPackage, entities_name};
use logic::entity::EntityType;
use logic::fault::{Code, Fault, SiteCause};
use logic::seal::NameHash;
use logic::site::{ObjectKind, OrganisationKey, SiteObject};

use super::leaving::PackageSource;
use super::{ExportedStick, SeenBytes, StickExport};
use crate::engine::content;
use vault::carry::StickFolder;
use vault::package::PackageStore;

/// Objects that become durable together, at most, and about how many bytes of them are held for that.
const TOGETHER: usize = 32;
const TOGETHER_BYTES: u64 = 2 * SPAN;

impl StickExport {
    /// What the stick holds after it.
    pub fn head(&self) -> &StickHead {
        &self.found.head
    }

    /// Writes what is missing, then the head, and removes what it does not need.
    ///
    /// # Errors
    /// `carry.full`, `carry.medium`: then the data before is whole, and the same export goes on. What the state folder says.
    pub fn write(mut self, see: SeenBytes<'_>) -> Result<ExportedStick, Fault> {
        let mut writer = StickWriter {
            stick: &self.stick,
            box_id: &self.box_id,
            at: self.found.at,
            missing: std::mem::take(&mut self.missing),
            waiting: Vec::new(),
            bytes: 0,
            written: (0, 0),
        };
        let total = self.bytes;
        for kind in EntityType::ALL.into_iter().map(Some).chain([None]) {
            self.source.each_body(kind, &mut |body| {
                let name = entities_name(writer.stick.key(), &body);
                writer.add(name, ObjectKind::Entities, || Ok(body))?;
                see(writer.written.1, total);
                Ok(())
            })?;
        }
        let mut unread = Vec::new();
        let mut seen = |written| see(written, total);
        for (package, source) in &self.packages.all {
            match write_package(&mut writer, &self.store, package, source, &mut seen) {
                // Another edition took its place, or its records do not open: it stays away.
                Err(trouble) if !is_of_stick(&trouble) => {
                    tracing::warn!(code = %trouble.code, "{trouble}: the package is not carried");
                    unread.push(package.delivery.clone());
                }
                written => written?,
            }
        }
        let head = &mut self.found.head;
        for delivery in &unread {
            let at = head
                .packages
                .iter()
                .position(|one| one.delivery == *delivery);
            let Some(at) = at else { continue };
            match self.packages.instead(delivery)? {
                Some((package, folder)) => {
                    writer.lacks(&package)?;
                    let source = PackageSource::Lies(Box::new(folder));
                    write_package(&mut writer, &self.store, &package, &source, &mut seen)?;
                    head.packages[at] = package;
                    head.older.push(delivery.clone());
                }
                None => {
                    head.packages.remove(at);
                    head.older.retain(|one| one != delivery);
                    head.lacking += 1;
                }
            }
        }
        head.older.sort_unstable();
        head.older.dedup();
        writer.flush()?;
        let written = writer.written;
        if !self.unchanged {
            self.stick.place(&self.found)?;
        }
        // What a former key sealed has a successor.
        self.former
            .iter()
            .filter(|stick| stick.exists())
            .try_for_each(StickFolder::leave)?;
        Ok(ExportedStick {
            found: self.found,
            written,
            kept: self.kept,
            unread,
        })
    }
}

fn is_of_stick(trouble: &Fault) -> bool {
    [Code::CarryFull, Code::CarryMedium].contains(&trouble.code)
}

fn write_package(
    writer: &mut StickWriter<'_>,
    store: &PackageStore,
    package: &StickPackage,
    source: &PackageSource,
    see: &mut dyn FnMut(u64),
) -> Result<(), Fault> {
    let names = (0..package.spans()).map(|span| package.name(writer.stick.key(), span));
    let names: Vec<NameHash> = names.collect();
    if names.iter().all(|name| !writer.missing.contains(name)) {
        return Ok(());
    }
    let held = match source {
        PackageSource::Held(meta) => Some(store.content(meta)?),
        PackageSource::Lies(_) => None,
    };
    for (span, name) in (0..).zip(names) {
        let begin = span * SPAN;
        let end = begin + package.length(span);
        let read = || match (&held, source) {
            (None, PackageSource::Lies(folder)) => lying(folder, package, span),
            (held, _) => content::span(held.as_ref().expect("it is open"), begin..end),
        };
        writer.add(name, ObjectKind::Span, read)?;
        see(writer.written.1);
    }
    Ok(())
}

/// A span that a former key sealed.
fn lying(folder: &StickFolder, package: &StickPackage, span: u64) -> Result<Vec<u8>, Fault> {
    let name = package.name(folder.key(), span);
    folder.body(ObjectKind::Span, name)?.ok_or_else(|| {
        let names = vec![StickFolder::file_name(name)];
        let cause = SiteCause::CarriedUnwhole { missing: 1, names };
        Fault::new(Code::CarryMedium, cause)
    })
}

/// Seals and writes objects, some at a time.
struct StickWriter<'a> {
    stick: &'a StickFolder,
    box_id: &'a str,
    at: i64,
    missing: BTreeSet<NameHash>,
    waiting: Vec<(NameHash, SiteObject)>,
    bytes: u64,
    written: (u64, u64),
}

impl StickWriter<'_> {
    /// Writes an object that is missing; the others are not even read.
    fn add(
        &mut self,
        name: NameHash,
        kind: ObjectKind,
        body: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<(), Fault> {
        if !self.missing.contains(&name) {
            return Ok(());
        }
        let body = body()?;
        self.missing.remove(&name);
        self.bytes += body.len() as u64;
        let object = SiteObject {
            kind,
            box_id: self.box_id.to_owned(),
            generation: 0,
            at: self.at,
            body,
        };
        self.waiting.push((name, object));
        match self.bytes >= TOGETHER_BYTES || self.waiting.len() >= TOGETHER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// What of a package does not lie there is to be written.
    fn lacks(&mut self, package: &StickPackage) -> Result<(), Fault> {
        for span in 0..package.spans() {
            let name = package.name(self.stick.key(), span);
            if !self.stick.holds(name, Some(package.length(span)))? {
                self.missing.insert(name);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let objects = std::mem::take(&mut self.waiting);
        if !objects.is_empty() {
            self.stick.write(&objects)?;
        }
        for (_, object) in &objects {
            let size = OrganisationKey::sealed_size(self.box_id, object.body.len() as u64);
            self.written = (self.written.0 + 1, self.written.1 + size);
        }
        self.bytes = 0;
        Ok(())
    }
}
