//! One secure repository, for one persona on one machine.

mod assembly;

use colophon_activation::{
    MachineFacts, MachineId, PersonaId, PinnedRoots, PrivateKeyLength, SealedFor, seal_key,
};
use colophon_crypto::{AgreementKey, Engine, Randomness};

use self::assembly::assemble;
use crate::Template;
use crate::dice::Dice;
use crate::hiding::{Expression, Generated, Pool, hide};

/// Whom a repository is made for.
#[derive(Clone, Copy)]
pub struct Order<'o> {
    /// The persona.
    pub persona: &'o PersonaId,
    /// The persona's private key, in PKCS#8.
    pub persona_key_pkcs8: &'o [u8],
    /// The machine.
    pub machine: &'o MachineId,
    /// What is known about the machine.
    pub facts: &'o MachineFacts,
    /// The roots it believes licenses under.
    pub roots: &'o PinnedRoots,
}

/// A repository that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Individual {
    /// The component.
    pub module: Vec<u8>,
    /// The persona's private key, sealed to it on its machine.
    pub sealed_key: Vec<u8>,
}

/// Why no repository was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndividualizeError {
    /// The persona's private key cannot be sealed.
    #[error("the persona's private key cannot be sealed")]
    PersonaKey(#[from] PrivateKeyLength),
}

/// Makes a repository. Equal chance makes equal ones.
///
/// # Errors
///
/// [`IndividualizeError`], see its variants.
pub fn individualize(
    engine: &dyn Engine,
    random: &mut dyn Randomness,
    template: &Template<'_>,
    order: &Order<'_>,
) -> Result<Individual, IndividualizeError> {
    let own_key = AgreementKey::generate(random);
    let to = SealedFor {
        persona: order.persona,
        machine: order.machine,
        facts: order.facts,
    };
    let public = own_key.public_key();
    let sealed_key = seal_key(engine, random, &public, to, order.persona_key_pkcs8)?;
    let mut dice = Dice::new(random);
    let inside = Inside {
        secret: Secret::hide(&own_key, &mut dice),
        roots: order.roots.seal(engine, &own_key),
    };
    let module = assemble(template.module(), &inside, &mut dice);
    Ok(Individual {
        module: template.with_module(&module),
        sealed_key,
    })
}

/// What only this repository has within.
struct Inside {
    secret: Secret,
    /// The roots, sealed with the key.
    roots: Vec<u8>,
}

/// A key that was hidden.
struct Secret {
    pool: Pool,
    functions: Generated,
    words: [Expression; 4],
}

impl Secret {
    fn hide(key: &AgreementKey, dice: &mut Dice<'_>) -> Secret {
        let mut pool = Pool::new(dice);
        let functions = Generated::draw(dice, &mut pool);
        let scalar = key.scalar();
        let (words, _) = scalar.expose().as_chunks();
        // In any order, so that places in the pool tell nothing.
        let mut order = [0, 1, 2, 3];
        dice.shuffle(&mut order);
        let mut hidden = [const { Expression::Constant(0) }; 4];
        for at in order {
            let word = words.get(at).copied().map_or(0, u64::from_be_bytes);
            if let Some(hidden) = hidden.get_mut(at) {
                *hidden = hide(word, dice, &mut pool, &functions);
            }
        }
        Secret {
            pool,
            functions,
            words: hidden,
        }
    }
}
