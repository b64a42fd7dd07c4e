//! The derive macro behind `cms_segment::Record`: it writes down, field by field, how a struct is read from a section and
//! written to one. What the fields mean is told at the trait.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Data, DeriveInput, Expr, ExprLit, Field, Fields, Lit, LitStr, Path, Type, parse_macro_input, parse_quote,
    spanned::Spanned,
};

/// Binds a struct with named fields to a section: each field to the option of its name.
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[cms(default)]` | an absent option is the type's default |
/// | `#[cms(default = 80)]` | an absent option is this value |
/// | `#[cms(rename = "local-port")]` | the option's name |
/// | `#[cms(skip)]` | no option: always the type's default |
/// | `#[cms(crate = path)]`, at the struct | where the trait is found, if not in `::cms_segment` |
///
/// A field of type `Option` may be absent, and a `Vec` is a list, absent if empty.
#[proc_macro_derive(Record, attributes(cms))]
pub fn record(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.span(), "a record is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new(
            input.span(),
            "a record is a struct with named fields, which name its options",
        ));
    };
    let home = home(input)?;
    let mut reads = Vec::new();
    let mut writes = Vec::new();
    let mut infos = Vec::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let options = Options::of(field)?;
        if options.skip {
            reads.push(quote! { #ident: ::core::default::Default::default() });
            continue;
        }
        let name = options.rename.unwrap_or_else(|| ident.to_string().trim_start_matches("r#").to_owned());
        let ty = &field.ty;
        let (read, required) = match (options.default, wrapper(ty)) {
            (Some(_), Some(Wrapper::Option)) => {
                return Err(syn::Error::new(field.span(), "an option that may be absent needs no default"));
            }
            (Some(default), _) => (quote! { or_default(source, section, #name, || #default) }, false),
            (None, Some(Wrapper::Option)) => (quote! { optional(source, section, #name) }, false),
            (None, Some(Wrapper::Vec)) => {
                (quote! { or_default(source, section, #name, ::std::vec::Vec::new) }, false)
            }
            (None, None) => (quote! { required(source, section, #name) }, true),
        };
        reads.push(quote! { #ident: #home::record::#read? });
        writes.push(match wrapper(ty) {
            Some(Wrapper::Option) => {
                quote! { #home::record::write_optional(target, section, #name, self.#ident.as_ref())?; }
            }
            Some(Wrapper::Vec) => quote! { #home::record::write_list(target, section, #name, &self.#ident)?; },
            None => {
                quote! { #home::record::write_optional(target, section, #name, ::core::option::Option::Some(&self.#ident))?; }
            }
        });
        let inner = inner(ty);
        infos.push(quote! {
            #home::FieldInfo {
                name: #name,
                expected: <#inner as #home::Field>::EXPECTED,
                required: #required,
            }
        });
    }
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics #home::Record for #ident #ty_generics #where_clause {
            const FIELDS: &'static [#home::FieldInfo] = &[#(#infos),*];

            fn read(source: &dyn #home::RecordSource, section: &str) -> #home::Result<Self> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }

            fn write(&self, target: &mut dyn #home::RecordTarget, section: &str) -> #home::Result<()> {
                #(#writes)*
                ::core::result::Result::Ok(())
            }
        }
    })
}

fn home(input: &DeriveInput) -> syn::Result<Path> {
    let mut home: Path = parse_quote!(::cms_segment);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("cms")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                home = meta.value()?.parse()?;
                return Ok(());
            }
            Err(meta.error("a struct knows `crate = path` only"))
        })?;
    }
    Ok(home)
}

/// What the attributes of a field say.
#[derive(Default)]
struct Options {
    default: Option<TokenStream>,
    rename: Option<String>,
    skip: bool,
}

impl Options {
    fn of(field: &Field) -> syn::Result<Self> {
        let mut options = Options::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("cms")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("default") {
                    options.default = Some(if meta.input.peek(syn::Token![=]) {
                        let value: Expr = meta.value()?.parse()?;
                        // A text is written without its conversion; of a number the compiler knows the type.
                        match &value {
                            Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => {
                                quote! { ::core::convert::Into::into(#value) }
                            }
                            _ => quote! { #value },
                        }
                    } else {
                        quote! { ::core::default::Default::default() }
                    });
                } else if meta.path.is_ident("rename") {
                    let name: LitStr = meta.value()?.parse()?;
                    if name.value().is_empty() || name.value().contains('.') {
                        return Err(syn::Error::new(name.span(), "the name of an option has no dots"));
                    }
                    options.rename = Some(name.value());
                } else if meta.path.is_ident("skip") {
                    options.skip = true;
                } else {
                    return Err(meta.error(
                        "a field knows `default`, `default = value`, `rename = \"name\"` and `skip`",
                    ));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

enum Wrapper {
    Option,
    Vec,
}

/// Whether a type is written as an option or a list.
fn wrapper(ty: &Type) -> Option<Wrapper> {
    let Type::Path(path) = ty else { return None };
    match path.path.segments.last()?.ident.to_string().as_str() {
        "Option" => Some(Wrapper::Option),
        "Vec" => Some(Wrapper::Vec),
        _ => None,
    }
}

/// The type inside an option; any other type is its own.
fn inner(ty: &Type) -> &Type {
    if let (Some(Wrapper::Option), Type::Path(path)) = (wrapper(ty), ty)
        && let Some(segment) = path.path.segments.last()
        && let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
        && let Some(syn::GenericArgument::Type(inner)) = arguments.args.first()
    {
        return inner;
    }
    ty
}
