//! Element types of tensors.

use std::fmt;

macro_rules! data_types {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $bits:literal;)*) => {
        /// The type of a tensor's elements, named and numbered as in ONNX.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DataType {
            $($(#[$doc])* $variant,)*
        }

        impl DataType {
            /// Every type, in order of its ONNX code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used in files and reports, e.g. `float16`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits of one element.
            pub const fn bits(self) -> u64 {
                match self { $(Self::$variant => $bits,)* }
            }

            /// The type of an ONNX `TensorProto.DataType` code; the `to` attribute of `Cast` uses it too.
            pub const fn from_onnx_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The ONNX `TensorProto.DataType` code.
            pub const fn onnx_code(self) -> i64 {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

data_types! {
    /// IEEE 754 single precision.
    Float32 = 1, "float32", 32;
    /// Unsigned 8-bit integer.
    Uint8 = 2, "uint8", 8;
    /// Signed 8-bit integer.
    Int8 = 3, "int8", 8;
    /// Unsigned 16-bit integer.
    Uint16 = 4, "uint16", 16;
    /// Signed 16-bit integer.
    Int16 = 5, "int16", 16;
    /// Signed 32-bit integer.
    Int32 = 6, "int32", 32;
    /// Signed 64-bit integer.
    Int64 = 7, "int64", 64;
    /// Text; counted as a 64-bit reference.
    String = 8, "string", 64;
    /// Truth value of one byte.
    Bool = 9, "bool", 8;
    /// IEEE 754 half precision.
    Float16 = 10, "float16", 16;
    /// IEEE 754 double precision.
    Float64 = 11, "float64", 64;
    /// Unsigned 32-bit integer.
    Uint32 = 12, "uint32", 32;
    /// Unsigned 64-bit integer.
    Uint64 = 13, "uint64", 64;
    /// Complex of two single-precision numbers.
    Complex64 = 14, "complex64", 64;
    /// Complex of two double-precision numbers.
    Complex128 = 15, "complex128", 128;
    /// Brain floating point: 8 bits of exponent, 7 of fraction.
    BFloat16 = 16, "bfloat16", 16;
    /// 8-bit float with 4 bits of exponent, finite only.
    Float8E4m3Fn = 17, "float8e4m3fn", 8;
    /// 8-bit float with 4 bits of exponent, finite only, no negative zero.
    Float8E4m3Fnuz = 18, "float8e4m3fnuz", 8;
    /// 8-bit float with 5 bits of exponent.
    Float8E5m2 = 19, "float8e5m2", 8;
    /// 8-bit float with 5 bits of exponent, finite only, no negative zero.
    Float8E5m2Fnuz = 20, "float8e5m2fnuz", 8;
    /// Unsigned 4-bit integer, two to a byte.
    Uint4 = 21, "uint4", 4;
    /// Signed 4-bit integer, two to a byte.
    Int4 = 22, "int4", 4;
    /// 4-bit float, two to a byte.
    Float4E2m1 = 23, "float4e2m1", 4;
    /// 8-bit power of two, the scale of a block.
    Float8E8m0 = 24, "float8e8m0", 8;
    /// Unsigned 2-bit integer, four to a byte.
    Uint2 = 25, "uint2", 2;
    /// Signed 2-bit integer, four to a byte.
    Int2 = 26, "int2", 2;
}

impl DataType {
    /// Bytes of one element; sub-byte types round up to 1 ([`Self::bytes_of`] packs them).
    pub const fn bytes(self) -> u64 {
        self.bits().div_ceil(8)
    }

    /// Bytes of `elements` elements, sub-byte types packed; saturates far beyond any tensor that a graph may hold.
    pub const fn bytes_of(self, elements: u64) -> u64 {
        let bits = self.bits();
        if bits < 8 { elements.saturating_mul(bits).div_ceil(8) } else { elements.saturating_mul(bits / 8) }
    }

    /// Whether this is a floating-point type of any width.
    pub const fn is_float(self) -> bool {
        matches!(
            self,
            Self::Float32
                | Self::Float16
                | Self::Float64
                | Self::BFloat16
                | Self::Float8E4m3Fn
                | Self::Float8E4m3Fnuz
                | Self::Float8E5m2
                | Self::Float8E5m2Fnuz
                | Self::Float4E2m1
                | Self::Float8E8m0
        )
    }

    /// Whether tensors of this type hold indices, sizes or conditions rather than quantities that a network computes with.
    pub const fn is_index(self) -> bool {
        matches!(self, Self::Int64 | Self::Uint64 | Self::Int32 | Self::Uint32 | Self::Bool | Self::String)
    }

    /// The type of a given name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|data_type| data_type.name() == name)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_one_to_one() {
        for (index, &data_type) in DataType::ALL.iter().enumerate() {
            assert_eq!(data_type.onnx_code(), index as i64 + 1);
            assert_eq!(DataType::from_onnx_code(data_type.onnx_code()), Some(data_type));
            assert_eq!(DataType::from_name(data_type.name()), Some(data_type));
        }
        assert_eq!(DataType::from_onnx_code(0), None);
        assert_eq!(DataType::from_onnx_code(-1), None);
    }

    #[test]
    fn sub_byte_types_pack() {
        assert_eq!(DataType::Int4.bytes(), 1);
        assert_eq!(DataType::Int4.bytes_of(5), 3);
        assert_eq!(DataType::Float32.bytes_of(5), 20);
    }
}
