//! Enums that a recipe writes as a bare name where the defaults do: `"adam"` for `{ adam = {} }`.

use std::marker::PhantomData;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

/// A variant of an enum given by its name alone; a variant with settings gets none and so takes its defaults.
pub(crate) struct Name<'a, E> {
    name: &'a str,
    error: PhantomData<E>,
}

impl<'a, E> Name<'a, E> {
    pub(crate) fn new(name: &'a str) -> Self {
        Self {
            name,
            error: PhantomData,
        }
    }
}

impl<'de, E: Error> Deserializer<'de> for Name<'_, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, E: Error> EnumAccess<'de> for Name<'_, E> {
    type Error = E;
    type Variant = NoSettings<E>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, NoSettings<E>), E> {
        let name = serde::de::value::StrDeserializer::<E>::new(self.name);
        Ok((seed.deserialize(name)?, NoSettings(PhantomData)))
    }
}

pub(crate) struct NoSettings<E>(PhantomData<E>);

impl<'de, E: Error> VariantAccess<'de> for NoSettings<E> {
    type Error = E;

    fn unit_variant(self) -> Result<(), E> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, E> {
        seed.deserialize(MapDeserializer::new(std::iter::empty::<((), ())>()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, E> {
        Err(E::custom("a list is needed"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<((), ())>()))
    }
}

/// Lets an enum that derives serde's traits with `remote = "Self"` be given by a variant's bare name.
macro_rules! by_name {
    ($type:ident, $what:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(
                &self,
                serializer: S,
            ) -> std::result::Result<S::Ok, S::Error> {
                $type::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                struct Named;

                impl<'de> serde::de::Visitor<'de> for Named {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!($what, ", or a table with its name and settings"))
                    }

                    fn visit_str<E: serde::de::Error>(
                        self,
                        name: &str,
                    ) -> std::result::Result<$type, E> {
                        $type::deserialize($crate::named::Name::new(name))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        map: A,
                    ) -> std::result::Result<$type, A::Error> {
                        $type::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }

                deserializer.deserialize_any(Named)
            }
        }
    };
}

pub(crate) use by_name;
