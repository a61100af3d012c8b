//! Lists, details and classes as central gives them, from one edition of what the box holds (protocol 5).
//! Never answers for an organisation that the box is not of: its empty lists would make the client delete everything.
//! Called by the gateway, first to read the request, then to answer it from the edition of the client's run.

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value as Json;

use super::query::{Param, QueryParams};
use super::{AnswerSigner, GatewayAnswer, supports};
use crate::entity::{Entity, EntityType, Properties};
use crate::fault::Fault;
use crate::php;

/// Entities of one page; central's default (protocol 5.3).
pub const PAGE: usize = 100;

/// One edition of the catalogue.
pub trait CatalogueView {
    /// The organisation that it was read for.
    fn organisation(&self) -> &str;
    /// Id and checksum of every entity of a type, always in the same order.
    ///
    /// # Errors
    /// What the store says.
    fn list(&self, kind: EntityType) -> Result<&[(String, String)], Fault>;
    /// One entity.
    ///
    /// # Errors
    /// What the store says.
    fn entity(&self, kind: EntityType, id: &str) -> Result<Option<Entity>, Fault>;
    /// One class outside the TAO ontology.
    ///
    /// # Errors
    /// What the store says.
    fn class(&self, id: &str) -> Result<Option<Entity>, Fault>;
}

/// Which run of which client a request belongs to: `box_id` and `sync_id` of its parameters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClientRun {
    /// The client's box id.
    pub box_id: String,
    /// Its number, as text.
    pub sync_id: String,
}

impl ClientRun {
    fn of(box_id: Option<String>, sync_id: Option<String>) -> Option<Self> {
        let run = Self {
            box_id: box_id?,
            sync_id: sync_id?,
        };
        (!run.box_id.is_empty() && !run.sync_id.is_empty()).then_some(run)
    }

    /// The run that a JSON object of parameters names.
    pub fn of_json(params: &Json) -> Option<Self> {
        Self::of(text(params.get("box_id")), text(params.get("sync_id")))
    }
}

/// Whether a version that accompanies a call is served (protocol 4.5).
///
/// # Errors
/// Central's answer to one that is missing or not supported.
pub fn check_version(
    given: Option<&str>,
    known: &[String],
    voice: &AnswerSigner,
) -> Result<(), GatewayAnswer> {
    match given.filter(|version| !version.is_empty()) {
        None => Err(voice.failure(500, r#"Required parameter "tao_version" is missing."#)),
        Some(version) if supports(known, version) => Ok(()),
        Some(version) => {
            let told = format!("Provided version of TAO VM is not supported by server: {version}");
            Err(voice.failure(500, &told))
        }
    }
}

fn wrong_type(voice: &AnswerSigner) -> GatewayAnswer {
    let told = "Wrong request type, try again please or contact your system administrator";
    voice.failure(400, told)
}

/// Only the organisation of the box is here; asking for another one is a mistake that has to be seen.
fn foreign(asked: &str, held: &str, voice: &AnswerSigner) -> GatewayAnswer {
    let told = format!(
        "This box holds the data of organisation {held}, not of {asked}. Nothing was changed."
    );
    voice.later(409, &told)
}

/// A request for a page of checksums.
#[derive(Debug, PartialEq, Eq)]
pub struct Checksums {
    kind: EntityType,
    params: QueryParams,
    offset: usize,
    with_properties: bool,
    organisation: String,
}

impl Checksums {
    /// Reads the query. `organisation` is that of a session with a login (protocol 5.1).
    ///
    /// # Errors
    /// Central's answer to a query that it refuses.
    pub fn read(
        query: &str,
        organisation: Option<&str>,
        known: &[String],
        voice: &AnswerSigner,
    ) -> Result<Self, GatewayAnswer> {
        let query = QueryParams::read(query.as_bytes());
        let kind = query
            .text("type")
            .map(|kind| kind.trim().to_owned())
            .ok_or_else(|| voice.generic(500))?;
        let params = match query.get("params") {
            None => QueryParams::default(),
            Some(Param::Many(params)) => params.clone(),
            Some(Param::Text(_)) => return Err(GatewayAnswer::type_error()),
        };
        check_version(params.text("tao_version"), known, voice)?;
        let kind = EntityType::of(&kind).ok_or_else(|| wrong_type(voice))?;
        let organisation = params
            .text("organisation_id")
            .filter(|id| !id.is_empty())
            .or(organisation)
            .ok_or_else(|| voice.generic(404))?
            .to_owned();
        let offset = match params.text("offset") {
            None | Some("") => 0,
            Some(text) => text.parse().map_err(|_| GatewayAnswer::type_error())?,
        };
        let with_properties = params
            .text("withProperties")
            .is_some_and(|flag| !matches!(flag, "" | "0"));
        Ok(Self {
            kind,
            params,
            offset,
            with_properties,
            organisation,
        })
    }

    /// The run that it belongs to, if it says.
    pub fn run(&self) -> Option<ClientRun> {
        let text = |name| self.params.text(name).map(str::to_owned);
        ClientRun::of(text("box_id"), text("sync_id"))
    }

    /// The organisation that it is about.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// Whether a run begins with it: the first page of the first type.
    pub fn is_first(&self) -> bool {
        self.kind == EntityType::ALL[0] && self.offset == 0
    }

    /// One page. `nextCallUrl` is there only while more is to come: a chain always ends.
    ///
    /// # Errors
    /// What the store says.
    pub fn answer(
        &self,
        shelf: &dyn CatalogueView,
        voice: &AnswerSigner,
    ) -> Result<GatewayAnswer, Fault> {
        if self.organisation != shelf.organisation() {
            return Ok(foreign(&self.organisation, shelf.organisation(), voice));
        }
        let list = shelf.list(self.kind)?;
        let from = self.offset.min(list.len());
        let to = from.saturating_add(PAGE).min(list.len());
        let mut page = Vec::with_capacity(to - from);
        for (id, checksum) in &list[from..to] {
            // By organisation central never gives those of eligibilities (protocol 5.3).
            let full = self.with_properties && self.kind != EntityType::Eligibility;
            let held = if full {
                shelf.entity(self.kind, id)?
            } else {
                None
            };
            page.push(held.unwrap_or_else(|| Entity {
                id: id.clone(),
                checksum: checksum.clone(),
                properties: Properties::default(),
            }));
        }
        let next = (to < list.len()).then(|| self.next(to));
        #[derive(serde::Serialize)]
        struct PageAnswer<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(rename = "nextCallUrl", skip_serializing_if = "Option::is_none")]
            next: Option<String>,
            entities: Map<'a>,
        }
        let wire = PageAnswer {
            kind: self.kind.word(),
            next,
            entities: Map(&page),
        };
        Ok(GatewayAnswer::json(plain(&wire)))
    }

    fn next(&self, offset: usize) -> String {
        let mut params = self.params.clone();
        params.set("offset", offset.to_string());
        let mut query = QueryParams::default();
        query.set("type", self.kind.word().to_owned());
        query.nest("params", params);
        format!(
            "/taoSync/SynchronisationApi/fetchEntityChecksums?{}",
            query.build()
        )
    }
}

/// A request for details.
#[derive(Debug, PartialEq, Eq)]
pub struct DetailsRequest {
    kind: EntityType,
    ids: Vec<String>,
    organisation: Option<String>,
    run: Option<ClientRun>,
}

impl DetailsRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// Central's answer to a body that it refuses, or to one that asks for nothing.
    pub fn read(
        body: &[u8],
        known: &[String],
        voice: &AnswerSigner,
    ) -> Result<Self, GatewayAnswer> {
        let generic = || voice.generic(500);
        let body: Json = serde_json::from_slice(body).map_err(|_| generic())?;
        let kind = text(body.get("type")).ok_or_else(generic)?;
        let ids = match body.get("entityIds") {
            Some(Json::String(id)) => vec![id.clone()],
            Some(Json::Array(ids)) => ids.iter().filter_map(|id| text(Some(id))).collect(),
            Some(Json::Object(ids)) => ids.values().filter_map(|id| text(Some(id))).collect(),
            _ => return Err(generic()),
        };
        let params = params(body.get("params"))?;
        check_version(text(params.get("tao_version")).as_deref(), known, voice)?;
        if ids.is_empty() {
            return Err(GatewayAnswer::json("[]"));
        }
        Ok(Self {
            kind: EntityType::of(&kind).ok_or_else(|| wrong_type(voice))?,
            ids,
            organisation: text(params.get("organisation_id")),
            run: ClientRun::of_json(params),
        })
    }

    /// The run that it belongs to, if it says.
    pub fn run(&self) -> Option<ClientRun> {
        self.run.clone()
    }

    /// The organisation that it is about, if it says.
    pub fn organisation(&self) -> Option<&str> {
        self.organisation.as_deref()
    }

    /// What is held of the ids, each once, in the order asked. Like central it does not insist on the type, test
    /// centres apart.
    ///
    /// # Errors
    /// What the store says.
    pub fn answer(
        &self,
        shelf: &dyn CatalogueView,
        voice: &AnswerSigner,
    ) -> Result<GatewayAnswer, Fault> {
        if let Some(asked) = &self.organisation
            && asked != shelf.organisation()
        {
            return Ok(foreign(asked, shelf.organisation(), voice));
        }
        let mut found: Vec<Entity> = Vec::with_capacity(self.ids.len());
        let mut seen = std::collections::BTreeSet::new();
        for id in &self.ids {
            if seen.insert(id)
                && let Some(entity) = self.find(shelf, id)?
            {
                found.push(entity);
            }
        }
        Ok(GatewayAnswer::json(plain(&Map(&found))))
    }

    fn find(&self, shelf: &dyn CatalogueView, id: &str) -> Result<Option<Entity>, Fault> {
        let held = shelf.entity(self.kind, id)?;
        if held.is_some() || self.kind == EntityType::TestCenter {
            return Ok(held);
        }
        for kind in EntityType::ALL {
            if let Some(entity) = shelf.entity(kind, id)? {
                return Ok(Some(entity));
            }
        }
        Ok(None)
    }
}

const SUB_CLASS: &str = "http://www.w3.org/2000/01/rdf-schema#subClassOf";
/// Classes that every TAO has are not kept, and asked for only by mistake.
const ONTOLOGY: [&str; 3] = [
    "http://www.tao.lu/Ontologies/",
    "http://www.taotesting.com/",
    "http://www.w3.org/",
];

/// A request for classes.
#[derive(Debug, PartialEq, Eq)]
pub struct ClassesRequest {
    ids: Vec<String>,
}

impl ClassesRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// Central's answer to a body that it refuses.
    pub fn read(body: &[u8], voice: &AnswerSigner) -> Result<Self, GatewayAnswer> {
        let generic = || voice.generic(500);
        let body: Json = serde_json::from_slice(body).map_err(|_| generic())?;
        let kind = text(body.get("type")).ok_or_else(generic)?;
        let ids: Vec<String> = match body.get("requested-classes") {
            Some(Json::Array(ids)) => ids.iter().filter_map(|id| text(Some(id))).collect(),
            Some(Json::Object(ids)) => ids.values().filter_map(|id| text(Some(id))).collect(),
            _ => return Err(generic()),
        };
        if ids.is_empty() {
            return Err(generic());
        }
        EntityType::of(&kind).ok_or_else(|| wrong_type(voice))?;
        Ok(Self { ids })
    }

    /// For each class its ancestors, then itself; an unknown one without properties, as central gives it. Those of the
    /// TAO ontology are left out: the client has them.
    ///
    /// # Errors
    /// What the store says.
    pub fn answer(&self, shelf: &dyn CatalogueView) -> Result<GatewayAnswer, Fault> {
        let mut found = Vec::new();
        for id in &self.ids {
            if ONTOLOGY.iter().any(|root| id.starts_with(root)) {
                continue;
            }
            match shelf.class(id)? {
                Some(class) => add(class, shelf, &mut found)?,
                None if found.iter().all(|held: &Entity| held.id != *id) => found.push(Entity {
                    id: id.clone(),
                    checksum: php::checksum(&Properties::default(), &[]),
                    properties: Properties::default(),
                }),
                None => {}
            }
        }
        Ok(GatewayAnswer::json(plain(&Map(&found))))
    }
}

/// A class behind its ancestors, walked without recursion: a circle of classes ends.
fn add(class: Entity, shelf: &dyn CatalogueView, found: &mut Vec<Entity>) -> Result<(), Fault> {
    let mut line = Vec::new();
    let mut waiting = vec![class];
    while let Some(class) = waiting.pop() {
        let known = found.iter().chain(&line).any(|held| held.id == class.id);
        if known {
            continue;
        }
        for parent in class.properties.values(SUB_CLASS) {
            waiting.extend(shelf.class(parent)?);
        }
        line.push(class);
    }
    found.extend(line.into_iter().rev());
    Ok(())
}

/// The object of parameters in a JSON body; `[]` and nothing are an empty one.
///
/// # Errors
/// The bare answer of a PHP type error.
pub fn params(value: Option<&Json>) -> Result<&Json, GatewayAnswer> {
    match value {
        None | Some(Json::Null) => Ok(&Json::Null),
        Some(params @ (Json::Object(_) | Json::Array(_))) => Ok(params),
        Some(_) => Err(GatewayAnswer::type_error()),
    }
}

/// A scalar as PHP would turn it into text.
pub fn text(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Entities by id, `[]` when there are none (protocol 15.1, 4).
struct Map<'a>(&'a [Entity]);

impl serde::Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.collect_seq(std::iter::empty::<()>());
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for entity in self.0 {
            map.serialize_entry(&entity.id, entity)?;
        }
        map.end()
    }
}

fn plain(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("text and maps of text always serialise")
}

#[cfg(test)]
mod tests;
