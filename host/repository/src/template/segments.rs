//! What a module puts into its memory and tables before it runs.

use wasmparser::{
    BinaryReader, ConstExpr, DataKind, DataSectionReader, ElementItems, ElementKind,
    ElementSectionReader, Operator,
};

use super::TemplateRefused;

/// Bytes at an address of the memory.
pub(crate) struct DataSegment<'t> {
    pub(crate) address: u32,
    pub(crate) bytes: &'t [u8],
}

/// Functions at places of the table.
pub(crate) struct ElementSegment {
    pub(crate) place: u32,
    pub(crate) functions: Vec<u32>,
}

/// A section cannot be read any further.
pub(super) fn malformed<E>(_: E) -> TemplateRefused {
    TemplateRefused::Malformed
}

pub(super) fn data(content: &[u8]) -> Result<Vec<DataSegment<'_>>, TemplateRefused> {
    let mut segments = Vec::new();
    let reader = DataSectionReader::new(BinaryReader::new(content, 0)).map_err(malformed)?;
    for segment in reader {
        let segment = segment.map_err(malformed)?;
        let DataKind::Active {
            memory_index: 0,
            offset_expr,
        } = segment.kind
        else {
            return Err(TemplateRefused::Unsupported("passive data"));
        };
        segments.push(DataSegment {
            address: constant(&offset_expr)?,
            bytes: segment.data,
        });
    }
    Ok(segments)
}

pub(super) fn elements(content: &[u8]) -> Result<Vec<ElementSegment>, TemplateRefused> {
    let mut segments = Vec::new();
    let reader = ElementSectionReader::new(BinaryReader::new(content, 0)).map_err(malformed)?;
    for segment in reader {
        let segment = segment.map_err(malformed)?;
        let (
            ElementKind::Active {
                table_index: None | Some(0),
                offset_expr,
            },
            ElementItems::Functions(functions),
        ) = (segment.kind, segment.items)
        else {
            return Err(TemplateRefused::Unsupported("tables of other kinds"));
        };
        let functions: Result<Vec<u32>, _> = functions.into_iter().collect();
        segments.push(ElementSegment {
            place: constant(&offset_expr)?,
            functions: functions.map_err(malformed)?,
        });
    }
    Ok(segments)
}

/// The one number that an expression is.
pub(super) fn constant(expression: &ConstExpr<'_>) -> Result<u32, TemplateRefused> {
    let mut operators = expression.get_operators_reader();
    let number = operators.read().map_err(malformed)?;
    let end = operators.read().map_err(malformed)?;
    match (number, end) {
        (Operator::I32Const { value }, Operator::End) => Ok(value.cast_unsigned()),
        _ => Err(TemplateRefused::Unsupported("addresses that are computed")),
    }
}
