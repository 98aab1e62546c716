//! Functions that are drawn by chance, and secrets hidden in what they give.

use super::expression::{Expression, Operation};
use super::pool::Pool;
use crate::dice::Dice;

/// Functions of one number that call nothing, then those that call them, then those above.
const LAYERS: [usize; 3] = [40, 32, 24];

/// How many of the functions look like those that give a word of the key, and give something else.
const DECOYS: usize = 12;

/// Generated functions, each of one number. A function calls only those before it.
#[derive(Default)]
pub(crate) struct Generated {
    bodies: Vec<Expression>,
    /// How many there are of the layers that are finished.
    callable: usize,
}

impl Generated {
    /// Draws functions.
    pub(crate) fn draw(dice: &mut Dice<'_>, pool: &mut Pool) -> Generated {
        let mut functions = Generated::default();
        for count in LAYERS {
            for _ in 0..count {
                let depth = 2 + dice.below(3);
                let body = functions.any(dice, pool, depth, true);
                functions.bodies.push(body);
            }
            functions.callable = functions.bodies.len();
        }
        for _ in 0..DECOYS {
            let number = dice.number();
            let body = hide(number, dice, pool, &functions);
            functions.bodies.push(body);
        }
        functions
    }

    pub(crate) fn bodies(&self) -> &[Expression] {
        &self.bodies
    }

    pub(super) fn value(&self, function: usize, argument: u64, pool: &Pool) -> u64 {
        self.bodies
            .get(function)
            .map_or(0, |body| body.value(argument, pool, self))
    }

    /// Any expression of at most this depth.
    fn any(
        &self,
        dice: &mut Dice<'_>,
        pool: &mut Pool,
        depth: usize,
        with_argument: bool,
    ) -> Expression {
        if depth == 0 {
            return self.leaf(dice, pool, with_argument);
        }
        // One call at most in a level, so that what runs stays small.
        if self.callable > 0 && dice.once_in(6) {
            let function = dice.below(self.callable);
            let argument = self.leaf(dice, pool, with_argument);
            return Expression::Call(function, Box::new(argument));
        }
        let operation = dice.one_of(Operation::ALL).unwrap_or(Operation::Add);
        let shallow = depth - 1 - dice.below(2).min(depth - 1);
        let mut operands = [
            self.any(dice, pool, depth - 1, with_argument),
            self.any(dice, pool, shallow, with_argument),
        ];
        dice.shuffle(&mut operands);
        let [left, right] = operands.map(Box::new);
        Expression::Operation(operation, left, right)
    }

    fn leaf(&self, dice: &mut Dice<'_>, pool: &mut Pool, with_argument: bool) -> Expression {
        match dice.below(3) {
            0 if with_argument => Expression::Argument,
            1 => Expression::Constant(dice.number()),
            _ => Expression::Word(pool.any_place(dice)),
        }
    }
}

/// An expression without argument that stands for a number.
pub(crate) fn hide(
    number: u64,
    dice: &mut Dice<'_>,
    pool: &mut Pool,
    functions: &Generated,
) -> Expression {
    let depth = 4 + dice.below(3);
    hide_at(number, dice, pool, functions, depth)
}

fn hide_at(
    number: u64,
    dice: &mut Dice<'_>,
    pool: &mut Pool,
    functions: &Generated,
    depth: usize,
) -> Expression {
    if depth == 0 {
        return match pool.place(dice, number) {
            Some(place) if dice.once_in(2) => Expression::Word(place),
            _ => Expression::Constant(number),
        };
    }
    let operation = dice.one_of(Operation::ALL).unwrap_or(Operation::Either);
    let share = share(dice, pool, functions);
    let value = share.value(0, pool, functions);
    // An even share has no inverse; another operation takes it.
    let (operation, rest) = match operation.left_operand(number, value) {
        Some(rest) => (operation, rest),
        None => (Operation::Either, number ^ value),
    };
    let rest = hide_at(rest, dice, pool, functions, depth - 1);
    let commutes = matches!(
        operation,
        Operation::Add | Operation::Multiply | Operation::Either
    );
    let mut operands = [rest, share];
    if commutes {
        dice.shuffle(&mut operands);
    }
    let [left, right] = operands.map(Box::new);
    Expression::Operation(operation, left, right)
}

/// What a number is split by: something that a generated function gives.
fn share(dice: &mut Dice<'_>, pool: &mut Pool, functions: &Generated) -> Expression {
    let argument = functions.any(dice, pool, 1, false);
    Expression::Call(dice.below(functions.callable), Box::new(argument))
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Randomness;

    use super::*;

    struct Counting(u64);

    impl Randomness for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                // A plain generator is as good as any here.
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *byte = self.0.to_be_bytes()[0];
            }
        }
    }

    #[test]
    fn what_is_hidden_comes_out() {
        let mut random = Counting(7);
        let dice = &mut Dice::new(&mut random);
        for number in [0, 1, 0x1234_5678_9abc_def0, u64::MAX] {
            let mut pool = Pool::new(dice);
            let functions = Generated::draw(dice, &mut pool);
            let hidden: Vec<Expression> = (0..40)
                .map(|_| hide(number, dice, &mut pool, &functions))
                .collect();
            // What is hidden later leaves what was hidden before as it is.
            for hidden in hidden {
                assert_eq!(hidden.value(0, &pool, &functions), number);
            }
        }
    }
}
