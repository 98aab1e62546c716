//! The module that has the key, taken apart so that its functions and data can be moved.

use std::ops::Range;

use wasmparser::{
    BinaryReader, CodeSectionReader, ExportSectionReader, ExternalKind, FunctionBody,
    FunctionSectionReader, GlobalSectionReader, ImportSectionReader, Operator, TypeRef,
    TypeSectionReader,
};

use super::TemplateRefused;
use super::segments::{DataSegment, ElementSegment, constant, data, elements, malformed};
use crate::binary::{self, MODULE_HEADER, Section};

/// The functions that give the words of the key, in their order.
const WORDS: [&str; 4] = [
    "colophon_word_0",
    "colophon_word_1",
    "colophon_word_2",
    "colophon_word_3",
];

/// The function that gives the address of the pool.
const POOL: &str = "colophon_pool";

/// The function that gives the address of the sealed roots.
const ROOTS: &str = "colophon_roots";

/// Ids of the sections of a module.
pub(crate) mod section {
    pub(crate) const TYPE: u8 = 1;
    pub(crate) const IMPORT: u8 = 2;
    pub(crate) const FUNCTION: u8 = 3;
    pub(crate) const GLOBAL: u8 = 6;
    pub(crate) const EXPORT: u8 = 7;
    pub(crate) const START: u8 = 8;
    pub(crate) const ELEMENT: u8 = 9;
    pub(crate) const CODE: u8 = 10;
    pub(crate) const DATA: u8 = 11;
    pub(crate) const DATA_COUNT: u8 = 12;
}

/// A function of the template.
pub(crate) struct Body<'t> {
    pub(crate) type_index: u32,
    pub(crate) bytes: &'t [u8],
    /// Where its bytes name functions, in order, and which.
    pub(crate) names: Vec<(Range<usize>, u32)>,
}

/// An export that stays.
pub(crate) struct Export<'t> {
    pub(crate) name: &'t str,
    pub(crate) kind: u8,
    pub(crate) index: u32,
}

/// A module taken apart.
pub(crate) struct Module<'t> {
    bytes: &'t [u8],
    pub(crate) sections: Vec<Section>,
    /// How many types there are, and the types' own bytes.
    pub(crate) types: u32,
    pub(crate) types_content: &'t [u8],
    /// How many functions are imported: they come first and stay where they are.
    pub(crate) imported: u32,
    pub(crate) bodies: Vec<Body<'t>>,
    pub(crate) exports: Vec<Export<'t>>,
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<ElementSegment>,
    pub(crate) data: Vec<DataSegment<'t>>,
    /// The functions that give the words of the key.
    pub(crate) words: [u32; WORDS.len()],
    /// The address of the pool.
    pub(crate) pool: u32,
    /// The address of the sealed roots.
    pub(crate) roots: u32,
}

impl<'t> Module<'t> {
    /// Whether a module exports the functions that give a key and the roots.
    pub(crate) fn has_places(bytes: &[u8]) -> Result<bool, TemplateRefused> {
        let sections = binary::sections(bytes, MODULE_HEADER).ok_or(TemplateRefused::Malformed)?;
        let exports = exports(content(bytes, &sections, section::EXPORT))?;
        let has = |name: &str| exports.iter().any(|export| export.name == name);
        Ok(WORDS.into_iter().chain([POOL, ROOTS]).all(has))
    }

    pub(crate) fn read(bytes: &'t [u8]) -> Result<Module<'t>, TemplateRefused> {
        let sections = binary::sections(bytes, MODULE_HEADER).ok_or(TemplateRefused::Malformed)?;
        let of = |id| content(bytes, &sections, id);
        let imported = imported_functions(of(section::IMPORT))?;
        let bodies = bodies(of(section::FUNCTION), of(section::CODE))?;
        let mut exports = exports(of(section::EXPORT))?;
        let mut place = |name: &str| {
            let at = exports.iter().position(|export| export.name == name);
            let at = at.ok_or(TemplateRefused::Places(0))?;
            Ok::<u32, TemplateRefused>(exports.remove(at).index)
        };
        let mut words = [0; WORDS.len()];
        for (index, name) in words.iter_mut().zip(WORDS) {
            *index = place(name)?;
        }
        let rooms = [place(POOL)?, place(ROOTS)?];
        let globals = globals(of(section::GLOBAL))?;
        let address = |room: u32| {
            let body = bodies.get(room.wrapping_sub(imported) as usize);
            let address = body.and_then(|body| fixed_result(body.bytes, &globals));
            address.ok_or(TemplateRefused::Unsupported("room in no fixed place"))
        };
        let [pool, roots] = rooms.map(address);
        let (types, types_content) = types(of(section::TYPE))?;
        Ok(Module {
            types,
            types_content,
            imported,
            bodies,
            exports,
            start: start(of(section::START))?,
            elements: elements(of(section::ELEMENT))?,
            data: data(of(section::DATA))?,
            words,
            pool: pool?,
            roots: roots?,
            bytes,
            sections,
        })
    }

    /// The bytes of a section.
    pub(crate) fn content(&self, section: &Section) -> &'t [u8] {
        self.bytes.get(section.content.clone()).unwrap_or_default()
    }
}

/// The content of the section with an id: an empty list where there is none.
fn content<'t>(bytes: &'t [u8], sections: &[Section], id: u8) -> &'t [u8] {
    let section = sections.iter().find(|section| section.id == id);
    let content = section.and_then(|section| bytes.get(section.content.clone()));
    content.unwrap_or(&[0])
}

fn types(content: &[u8]) -> Result<(u32, &[u8]), TemplateRefused> {
    let reader = TypeSectionReader::new(BinaryReader::new(content, 0)).map_err(malformed)?;
    let mut types = 0;
    for group in reader {
        let group = group.map_err(malformed)?;
        types += group.types().len();
        if group.is_explicit_rec_group() {
            return Err(TemplateRefused::Unsupported("types that name each other"));
        }
    }
    let (_, rest) = binary::number(content).ok_or(TemplateRefused::Malformed)?;
    Ok((u32::try_from(types).map_err(malformed)?, rest))
}

fn imported_functions(content: &[u8]) -> Result<u32, TemplateRefused> {
    let reader = ImportSectionReader::new(BinaryReader::new(content, 0)).map_err(malformed)?;
    let mut functions = 0;
    for import in reader.into_imports() {
        match import.map_err(malformed)?.ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => functions += 1,
            TypeRef::Table(_) | TypeRef::Memory(_) | TypeRef::Global(_) | TypeRef::Tag(_) => {
                return Err(TemplateRefused::Unsupported("imports other than functions"));
            }
        }
    }
    Ok(functions)
}

fn exports(content: &[u8]) -> Result<Vec<Export<'_>>, TemplateRefused> {
    let reader = ExportSectionReader::new(BinaryReader::new(content, 0)).map_err(malformed)?;
    let mut exports = Vec::new();
    for export in reader {
        let export = export.map_err(malformed)?;
        exports.push(Export {
            name: export.name,
            kind: match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => 0,
                ExternalKind::Table => 1,
                ExternalKind::Memory => 2,
                ExternalKind::Global => 3,
                ExternalKind::Tag => 4,
            },
            index: export.index,
        });
    }
    Ok(exports)
}

fn start(content: &[u8]) -> Result<Option<u32>, TemplateRefused> {
    // Without the section this is an empty list, and 0 is never a start of its own: the first
    // function is an import in every guest.
    let (index, _) = binary::number(content).ok_or(TemplateRefused::Malformed)?;
    Ok((index != 0).then_some(index))
}

fn bodies<'t>(functions: &[u8], code: &'t [u8]) -> Result<Vec<Body<'t>>, TemplateRefused> {
    let types = FunctionSectionReader::new(BinaryReader::new(functions, 0)).map_err(malformed)?;
    let code = CodeSectionReader::new(BinaryReader::new(code, 0)).map_err(malformed)?;
    if types.count() != code.count() {
        return Err(TemplateRefused::Malformed);
    }
    let pairs = types.into_iter().zip(code);
    pairs
        .map(|(type_index, body)| {
            let body = body.map_err(malformed)?;
            Ok(Body {
                type_index: type_index.map_err(malformed)?,
                bytes: body.as_bytes(),
                names: names(&body)?,
            })
        })
        .collect()
}

/// Where a body names functions.
fn names(body: &FunctionBody<'_>) -> Result<Vec<(Range<usize>, u32)>, TemplateRefused> {
    let start = body.range().start;
    let within = |position: u64| usize::try_from(position - start).map_err(malformed);
    let mut operators = body.get_operators_reader().map_err(malformed)?;
    let mut names = Vec::new();
    while !operators.eof() {
        let (operator, position) = operators.read_with_offset().map_err(malformed)?;
        let (Operator::Call { function_index }
        | Operator::ReturnCall { function_index }
        | Operator::RefFunc { function_index }) = operator
        else {
            continue;
        };
        // After one byte of instruction stands nothing but the number.
        let number = within(position)? + 1..within(operators.original_position())?;
        names.push((number, function_index));
    }
    Ok(names)
}

/// The numbers of the globals that never change.
fn globals(content: &[u8]) -> Result<Vec<Option<u32>>, TemplateRefused> {
    let reader = GlobalSectionReader::new(BinaryReader::new(content, 0)).map_err(malformed)?;
    let mut globals = Vec::new();
    for global in reader {
        let global = global.map_err(malformed)?;
        let number = constant(&global.init_expr).ok();
        globals.push(number.filter(|_| !global.ty.mutable));
    }
    Ok(globals)
}

/// The number that a body gives, if it only adds what is fixed: an address in code that could
/// have been moved by its linker.
fn fixed_result(bytes: &[u8], globals: &[Option<u32>]) -> Option<u32> {
    let body = FunctionBody::new(BinaryReader::new(bytes, 0));
    let mut operators = body.get_operators_reader().ok()?;
    let mut numbers: Vec<u32> = Vec::new();
    loop {
        let operator = operators.read().ok()?;
        if let Operator::I32Const { value } = operator {
            numbers.push(value.cast_unsigned());
        } else if let Operator::GlobalGet { global_index } = operator {
            numbers.push(*globals.get(global_index as usize)?.as_ref()?);
        } else if matches!(operator, Operator::I32Add) {
            let sum = numbers.pop()?.wrapping_add(numbers.pop()?);
            numbers.push(sum);
        } else {
            let whole = matches!(operator, Operator::End) && numbers.len() == 1;
            return numbers.pop().filter(|_| whole);
        }
    }
}
