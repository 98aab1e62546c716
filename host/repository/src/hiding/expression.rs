//! Expressions of 64-bit numbers, computed here and written as code.

use wasm_encoder::{Encode, Instruction, MemArg};

use super::generated::Generated;
use super::pool::Pool;

/// An operation on two numbers, modulo 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Either,
    RotateLeft,
    RotateRight,
}

impl Operation {
    pub(crate) const ALL: [Operation; 6] = [
        Operation::Add,
        Operation::Subtract,
        Operation::Multiply,
        Operation::Either,
        Operation::RotateLeft,
        Operation::RotateRight,
    ];

    pub(crate) fn apply(self, left: u64, right: u64) -> u64 {
        match self {
            Operation::Add => left.wrapping_add(right),
            Operation::Subtract => left.wrapping_sub(right),
            Operation::Multiply => left.wrapping_mul(right),
            Operation::Either => left ^ right,
            Operation::RotateLeft => left.rotate_left(turns(right)),
            Operation::RotateRight => left.rotate_right(turns(right)),
        }
    }

    /// The left operand that gives `result` with this right one; none where there is not always
    /// exactly one.
    pub(crate) fn left_operand(self, result: u64, right: u64) -> Option<u64> {
        match self {
            Operation::Add => Some(result.wrapping_sub(right)),
            Operation::Subtract => Some(result.wrapping_add(right)),
            Operation::Multiply => inverse(right).map(|inverse| result.wrapping_mul(inverse)),
            Operation::Either => Some(result ^ right),
            Operation::RotateLeft => Some(result.rotate_right(turns(right))),
            Operation::RotateRight => Some(result.rotate_left(turns(right))),
        }
    }

    fn instruction(self) -> Instruction<'static> {
        match self {
            Operation::Add => Instruction::I64Add,
            Operation::Subtract => Instruction::I64Sub,
            Operation::Multiply => Instruction::I64Mul,
            Operation::Either => Instruction::I64Xor,
            Operation::RotateLeft => Instruction::I64Rotl,
            Operation::RotateRight => Instruction::I64Rotr,
        }
    }
}

fn turns(number: u64) -> u32 {
    u32::try_from(number % 64).unwrap_or(0)
}

/// The number whose product with an odd one is 1.
fn inverse(number: u64) -> Option<u64> {
    // Newton's iteration doubles the right bits each time, from three on.
    let step =
        |inverse: u64, _| inverse.wrapping_mul(2u64.wrapping_sub(number.wrapping_mul(inverse)));
    (number % 2 == 1).then(|| (0..5).fold(number, step))
}

/// An expression, in a function of one number.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Constant(u64),
    /// The number the function is called with.
    Argument,
    /// The word at a place of the pool.
    Word(usize),
    Operation(Operation, Box<Expression>, Box<Expression>),
    /// What the generated function of this number gives for an argument.
    Call(usize, Box<Expression>),
}

/// Where things are in the module that code is written for.
pub(crate) struct Places<'p> {
    /// The address of the pool.
    pub(crate) pool: u32,
    /// The indices of the generated functions.
    pub(crate) functions: &'p [u32],
}

impl Expression {
    /// The number it stands for.
    pub(crate) fn value(&self, argument: u64, pool: &Pool, functions: &Generated) -> u64 {
        match self {
            Expression::Constant(number) => *number,
            Expression::Argument => argument,
            Expression::Word(place) => pool.word(*place),
            Expression::Operation(operation, left, right) => operation.apply(
                left.value(argument, pool, functions),
                right.value(argument, pool, functions),
            ),
            Expression::Call(function, with) => {
                let with = with.value(argument, pool, functions);
                functions.value(*function, with, pool)
            }
        }
    }

    /// Appends the instructions that leave the number on the stack.
    pub(crate) fn write(&self, places: &Places<'_>, out: &mut Vec<u8>) {
        match self {
            Expression::Constant(number) => {
                Instruction::I64Const(number.cast_signed()).encode(out);
            }
            Expression::Argument => Instruction::LocalGet(0).encode(out),
            Expression::Word(place) => {
                let place = u32::try_from(*place).unwrap_or(0);
                let address = places.pool.wrapping_add(place);
                Instruction::I32Const(address.cast_signed()).encode(out);
                Instruction::I64Load(MemArg {
                    offset: 0,
                    align: 0,
                    memory_index: 0,
                })
                .encode(out);
            }
            Expression::Operation(operation, left, right) => {
                left.write(places, out);
                right.write(places, out);
                operation.instruction().encode(out);
            }
            Expression::Call(function, with) => {
                with.write(places, out);
                let index = places.functions.get(*function).copied();
                Instruction::Call(index.unwrap_or(u32::MAX)).encode(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_undone() {
        let numbers = [
            0,
            1,
            2,
            3,
            63,
            64,
            0x1234_5678_9abc_def1,
            u64::MAX - 1,
            u64::MAX,
        ];
        for operation in Operation::ALL {
            for result in numbers {
                for right in numbers {
                    match operation.left_operand(result, right) {
                        Some(left) => assert_eq!(operation.apply(left, right), result),
                        None => assert_eq!((operation, right % 2), (Operation::Multiply, 0)),
                    }
                }
            }
        }
    }
}
