//! Arithmetic in the field of 256 elements, modulo x^8 + x^4 + x^3 + x + 1.

/// The product of two elements, in a time that depends on neither.
pub(super) fn product(one: u8, other: u8) -> u8 {
    let (mut product, mut shifted) = (0, one);
    for bit in 0..8 {
        // All ones where the bit is set.
        let taken = 0u8.wrapping_sub((other >> bit) & 1);
        product ^= shifted & taken;
        let carry = 0u8.wrapping_sub(shifted >> 7);
        shifted = (shifted << 1) ^ (carry & 0x1b);
    }
    product
}

/// The element whose product with this one is 1; 0 for 0.
pub(super) fn inverse(element: u8) -> u8 {
    // Every element but 0 to the power of 255 is 1.
    let mut inverse = 1;
    for _ in 0..254 {
        inverse = product(inverse, element);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_fips_197() {
        assert_eq!(product(0x57, 0x83), 0xc1);
        assert_eq!(product(0x57, 0x13), 0xfe);
    }

    #[test]
    fn every_element_but_zero_has_an_inverse() {
        for element in 1..=255 {
            assert_eq!(product(element, inverse(element)), 1, "{element}");
        }
        assert_eq!(inverse(0), 0);
    }
}
