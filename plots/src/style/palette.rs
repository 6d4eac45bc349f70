//! Colours that readers with and without colour vision tell apart, on paper and in grey as far as it goes.

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
    /// 0 for what is not seen, 1 for what hides all behind it.
    pub alpha: f64,
}

/// Almost black: text, axes, and what is the base line.
pub const INK: Colour = Colour::new(0x1A, 0x1A, 0x1A);
/// Orange.
pub const ORANGE: Colour = Colour::new(0xDE, 0x93, 0x00);
/// Light blue.
pub const SKY: Colour = Colour::new(0x5A, 0xB6, 0xF2);
/// Bluish green.
pub const GREEN: Colour = Colour::new(0x00, 0x82, 0x6A);
/// Dark blue.
pub const BLUE: Colour = Colour::new(0x0A, 0x5C, 0xA8);
/// Reddish orange.
pub const VERMILLION: Colour = Colour::new(0xBF, 0x44, 0x00);
/// Reddish purple.
pub const PINK: Colour = Colour::new(0xD0, 0x7F, 0xB0);
/// The page.
pub const WHITE: Colour = Colour::new(255, 255, 255);
/// Text that matters less.
pub const MUTED: Colour = Colour::new(0x5C, 0x5C, 0x5C);
/// Lines behind data.
pub const GRID: Colour = Colour::new(0xDD, 0xDD, 0xDD);

/// The colours of data, after Okabe and Ito (2008), moved apart and darkened for thin lines on white.
pub const PALETTE: [Colour; 7] = [BLUE, ORANGE, GREEN, VERMILLION, SKY, PINK, INK];

impl Colour {
    /// An opaque colour.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue, alpha: 1.0 }
    }

    /// The colour, seen through.
    #[must_use]
    pub const fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// As `#rrggbb`.
    pub fn hexadecimal(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// The colour and another, mixed: `share` of the other.
    #[must_use]
    pub fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |one: u8, other: u8| libm::round(f64::from(one) * (1.0 - share) + f64::from(other) * share) as u8;
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
            alpha: self.alpha,
        }
    }

    /// Relative luminance, 0 for black and 1 for white (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let [red, green, blue] = self.linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Ink or white, whichever is read better on the colour.
    #[must_use]
    pub fn readable(self) -> Self {
        let contrast = |text: Self| {
            let (one, other) = (self.luminance() + 0.05, text.luminance() + 0.05);
            one.max(other) / one.min(other)
        };
        if contrast(INK) > contrast(WHITE) { INK } else { WHITE }
    }

    /// Colour of lines drawn over an area of the colour.
    pub(crate) fn hatching(self) -> Self {
        if self.luminance() > 0.3 { INK.with_alpha(0.6) } else { WHITE.with_alpha(0.75) }
    }

    /// Whether it is a shade of blue, which processors with cores have.
    pub(crate) fn is_blue(self) -> bool {
        self.blue > self.green && self.green > self.red
    }

    fn linear(self) -> [f64; 3] {
        [self.red, self.green, self.blue].map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { libm::pow((value + 0.055) / 1.055, 2.4) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linear sRGB as dichromats see it: Machado, Oliveira and Fernandes 2009, severity 1.
    const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
        ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        ),
        (
            "deuteranopia",
            [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_82, 0.042_94, 0.968_881]],
        ),
        (
            "tritanopia",
            [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_9]],
        ),
    ];

    fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(one, other)| one * other).sum())
    }

    /// CIE L*a*b* of linear sRGB, white point D65.
    fn lab(linear: [f64; 3]) -> [f64; 3] {
        let matrix = [[0.412_456, 0.357_576, 0.180_437], [0.212_673, 0.715_152, 0.072_175], [0.019_334, 0.119_192, 0.950_304]];
        let seen = times(&matrix, linear.map(|channel| channel.clamp(0.0, 1.0)));
        let cube = |value: f64| {
            if value > 216.0 / 24_389.0 { libm::cbrt(value) } else { (24_389.0 / 27.0 * value + 16.0) / 116.0 }
        };
        let [x, y, z] = [cube(seen[0] / 0.950_47), cube(seen[1]), cube(seen[2] / 1.088_83)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn distance(one: [f64; 3], other: [f64; 3]) -> f64 {
        libm::sqrt(one.iter().zip(other).map(|(one, other)| (one - other) * (one - other)).sum())
    }

    #[test]
    fn colours_differ_for_every_eye() {
        // A difference of 2.3 is just seen side by side; thin lines apart from each other need several times that.
        for (vision, matrix) in VISIONS {
            for (index, one) in PALETTE.iter().enumerate() {
                for other in &PALETTE[index + 1..] {
                    let [seen, beside] = [one, other].map(|colour| lab(times(&matrix, colour.linear())));
                    let found = distance(seen, beside);
                    assert!(found > 15.0, "{one:?} and {other:?} under {vision}: {found:.1}");
                }
            }
        }
    }

    #[test]
    fn colours_are_seen_on_white() {
        for colour in PALETTE {
            assert!(1.05 / (colour.luminance() + 0.05) > 2.0, "{colour:?}");
        }
        assert!(1.05 / (MUTED.luminance() + 0.05) > 4.5, "text");
    }

    #[test]
    fn text_on_colours_is_read() {
        for step in 0..=20 {
            let colour = BLUE.mixed(WHITE, f64::from(step) / 20.0);
            let (one, other) = (colour.luminance() + 0.05, colour.readable().luminance() + 0.05);
            assert!(one.max(other) / one.min(other) > 4.0, "{colour:?}");
        }
    }
}
