//! Putting a module together again, with everything in another place.

use super::{Inside, Secret};
use crate::binary::{CUSTOM, MODULE_HEADER, push_number, push_section, push_sized};
use crate::dice::Dice;
use crate::hiding::{Expression, Places};
use crate::template::{Body, Module, section};

/// The type of a function of one number that gives one: `(i64) -> i64`.
const ONE_NUMBER: [u8; 5] = [0x60, 1, 0x7e, 1, 0x7e];

const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;

/// Writes a module that has the secret and the roots in the places of the template's.
pub(super) fn assemble(module: &Module<'_>, inside: &Inside, dice: &mut Dice<'_>) -> Vec<u8> {
    let secret = &inside.secret;
    let layout = Layout::draw(module, secret, dice);
    let mut out = MODULE_HEADER.to_vec();
    let data = data(module, inside, dice);
    for section in &module.sections {
        let content = match section.id {
            // Names of functions, among others.
            CUSTOM => continue,
            section::TYPE => types(module),
            section::FUNCTION => layout.types(module),
            section::EXPORT => layout.exports(module),
            section::START => layout.start(module),
            section::ELEMENT => layout.elements(module),
            section::CODE => layout.code(module, secret),
            section::DATA => list(&data),
            section::DATA_COUNT => count(data.len()),
            _ => module.content(section).to_vec(),
        };
        push_section(&mut out, section.id, &content);
    }
    out
}

/// A function in its new place: one of the template, by its number among those, or a generated
/// one.
#[derive(Clone, Copy)]
enum Function {
    Of(usize),
    Generated(usize),
}

/// Where the functions stand.
struct Layout {
    functions: Vec<Function>,
    /// The new indices of the template's functions, imported ones included.
    of_template: Vec<u32>,
    /// The indices of the generated ones.
    generated: Vec<u32>,
}

impl Layout {
    /// Draws an order for the template's functions and the generated ones together.
    fn draw(module: &Module<'_>, secret: &Secret, dice: &mut Dice<'_>) -> Layout {
        let generated = secret.functions.bodies().len();
        let mut functions: Vec<Function> = (0..module.bodies.len()).map(Function::Of).collect();
        functions.extend((0..generated).map(Function::Generated));
        dice.shuffle(&mut functions);
        let mut layout = Layout {
            of_template: (0..module.imported).collect(),
            generated: vec![0; generated],
            functions,
        };
        layout
            .of_template
            .resize(layout.of_template.len() + module.bodies.len(), 0);
        for (index, function) in (module.imported..).zip(&layout.functions) {
            let place = match function {
                Function::Of(at) => layout.of_template.get_mut(module.imported as usize + at),
                Function::Generated(at) => layout.generated.get_mut(*at),
            };
            if let Some(place) = place {
                *place = index;
            }
        }
        layout
    }

    fn index(&self, of_template: u32) -> u32 {
        let index = self.of_template.get(of_template as usize);
        index.copied().unwrap_or(u32::MAX)
    }

    fn types(&self, module: &Module<'_>) -> Vec<u8> {
        let mut content = count(self.functions.len());
        for function in &self.functions {
            let type_index = match function {
                Function::Of(at) => module.bodies.get(*at).map(|body| body.type_index),
                // The type that was added behind the others.
                Function::Generated(_) => Some(module.types),
            };
            push_number(&mut content, type_index.unwrap_or(u32::MAX));
        }
        content
    }

    fn exports(&self, module: &Module<'_>) -> Vec<u8> {
        let mut content = count(module.exports.len());
        for export in &module.exports {
            push_sized(&mut content, export.name.as_bytes());
            content.push(export.kind);
            let index = match export.kind {
                0 => self.index(export.index),
                _ => export.index,
            };
            push_number(&mut content, index);
        }
        content
    }

    fn start(&self, module: &Module<'_>) -> Vec<u8> {
        let mut content = Vec::new();
        push_number(&mut content, self.index(module.start.unwrap_or(u32::MAX)));
        content
    }

    fn elements(&self, module: &Module<'_>) -> Vec<u8> {
        let mut content = count(module.elements.len());
        for segment in &module.elements {
            content.push(0);
            push_address(&mut content, segment.place);
            content.extend_from_slice(&count(segment.functions.len()));
            for function in &segment.functions {
                push_number(&mut content, self.index(*function));
            }
        }
        content
    }

    fn code(&self, module: &Module<'_>, secret: &Secret) -> Vec<u8> {
        let places = Places {
            pool: module.pool,
            functions: &self.generated,
        };
        let mut content = count(self.functions.len());
        for function in &self.functions {
            let body = match function {
                Function::Of(at) => {
                    let index = u32::try_from(*at).unwrap_or(u32::MAX);
                    let index = index.saturating_add(module.imported);
                    let mut words = module.words.iter().zip(&secret.words);
                    match words.find(|(word, _)| **word == index) {
                        Some((_, hidden)) => written(hidden, &places),
                        None => module
                            .bodies
                            .get(*at)
                            .map_or_else(Vec::new, |body| self.renamed(body)),
                    }
                }
                Function::Generated(at) => {
                    let body = secret.functions.bodies().get(*at);
                    body.map_or_else(Vec::new, |body| written(body, &places))
                }
            };
            push_sized(&mut content, &body);
        }
        content
    }

    /// A body with the new indices of the functions it names.
    fn renamed(&self, body: &Body<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.bytes.len());
        let mut copied = 0;
        for (place, function) in &body.names {
            out.extend_from_slice(body.bytes.get(copied..place.start).unwrap_or_default());
            push_number(&mut out, self.index(*function));
            copied = place.end;
        }
        out.extend_from_slice(body.bytes.get(copied..).unwrap_or_default());
        out
    }
}

/// A body that gives an expression's number.
fn written(expression: &Expression, places: &Places<'_>) -> Vec<u8> {
    // No locals.
    let mut body = vec![0];
    expression.write(places, &mut body);
    body.push(END);
    body
}

fn types(module: &Module<'_>) -> Vec<u8> {
    let mut content = Vec::new();
    push_number(&mut content, module.types.saturating_add(1));
    content.extend_from_slice(module.types_content);
    content.extend_from_slice(&ONE_NUMBER);
    content
}

/// The data of the template, the pool and the roots, cut at any places and in any order. No two
/// segments overlap, so that the order makes no difference.
fn data(module: &Module<'_>, inside: &Inside, dice: &mut Dice<'_>) -> Vec<Vec<u8>> {
    let pool = (module.pool, inside.secret.pool.bytes());
    let roots = (module.roots, inside.roots.as_slice());
    let of_template = module
        .data
        .iter()
        .map(|segment| (segment.address, segment.bytes));
    let mut segments = Vec::new();
    for (mut address, mut bytes) in of_template.chain([pool, roots]) {
        while !bytes.is_empty() {
            let length = (1024 + dice.below(8192)).min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            let mut segment = vec![0];
            push_address(&mut segment, address);
            push_sized(&mut segment, piece);
            segments.push(segment);
            address = address.wrapping_add(u32::try_from(length).unwrap_or(0));
            bytes = rest;
        }
    }
    dice.shuffle(&mut segments);
    segments
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut content = count(items.len());
    for item in items {
        content.extend_from_slice(item);
    }
    content
}

fn count(items: usize) -> Vec<u8> {
    let mut content = Vec::new();
    push_number(&mut content, u32::try_from(items).unwrap_or(u32::MAX));
    content
}

/// Appends an expression that gives an address.
fn push_address(out: &mut Vec<u8>, address: u32) {
    use wasm_encoder::Encode as _;

    out.push(I32_CONST);
    address.cast_signed().encode(out);
    out.push(END);
}
