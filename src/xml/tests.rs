use super::*;

fn refused(document: impl AsRef<[u8]>) -> XmlError {
    let read = Source::read(document.as_ref());
    match read {
        Err(error) => error,
        Ok(source) => source.parse().unwrap_err(),
    }
}

fn accepted(document: &str) {
    let source = Source::read(document.as_bytes()).unwrap_or_else(|error| panic!("{document}: {error}"));
    source.parse().unwrap_or_else(|error| panic!("{document}: {error}"));
}

fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().concat()
}

#[test]
fn well_formed_documents_are_accepted() {
    for document in [
        "<a/>",
        "<?xml version=\"1.0\"?><a/>",
        "<?xml version='1.0' encoding='utf-8' standalone='no' ?>\n<a/>\n",
        "<?xml-stylesheet href='x'?><a/><!-- after --><?pi?>",
        "\u{FEFF}<a/>",
        "<a b='>' c=\"'\">&lt;&#65;&#x1F600;]] ></a>",
        "<p:a xmlns:p='urn:u'><p:b xmlns:p='urn:v' p:c=''/></p:a>",
        "<a><![CDATA[ & < &#0; ]]></a>",
        "<a>\u{85}\u{2028}\u{FFFD}</a>",
    ] {
        accepted(document);
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for document in [
        "text",
        "<a>",
        "<a/><b/>",
        "<a></b>",
        "<a>]]></a>",
        "<a>\u{1}</a>",
        "<p:a/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a b=c/>",
        "<a b/>",
        "<:g></:g>",
        "<g:></g:>",
        "<a:b:c xmlns:a='urn:u'/>",
        "<a xmlns='' xmlns='urn:u'/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xmlns='urn:u'/>",
        "<a xmlns:xml='urn:u'/>",
        "<a>&#xD800;</a>",
        "<a>&#0;</a>",
        "<a>&#+65;</a>",
        "<a>&nbsp;</a>",
        "<a>1 & 2</a>",
        "<a b='&#x1;'/>",
        "<a><??></a>",
        "<?><a/>",
        "\u{FEFF}\u{FEFF}<a/>",
        "<a></:a>",
        "<a></a x='y'>",
        "<a xmlns:p='urn:u' p:xmlns='urn:v'/>",
        "<a><?></a>",
        "<a><?p<x ?></a>",
        "<a><?p&#32; x?></a>",
        "<a><?p\u{2028}?></a>",
        "<a><? pi?></a>",
        "<a><?xml version='1.0'?></a>",
        "<a><?XmL x?></a>",
        "<a><?a:b?></a>",
        "<a><!-- -- --></a>",
        "<a><!ELEMENT a></a>",
        "<a><![CDATA[</a>",
        "<a",
        "<a b='",
        "<a><!--",
        " <?xml version='1.0'?><a/>",
        "<a>\u{FFFE}</a>",
        "<a xmlns:p='urn:u' xmlns:q='urn:u' p:b='' q:b=''/>",
        "</a>",
    ] {
        let error = refused(document);
        assert!(matches!(error, XmlError::Malformed { .. }), "{document}: {error}");
    }
}

#[test]
fn declarations_other_than_version_1_0_in_utf_8_are_refused() {
    for declaration in [
        "<?xml version='1.1'?>",
        "<?xml version='2.0'?>",
        "<?xml encoding='UTF-8'?>",
        "<?xml?>",
        "<?xml version='1.0' encoding='UTF-16'?>",
        "<?xml version='1.0' encoding='ISO-8859-1'?>",
        "<?xml version='1.0' standalone='maybe'?>",
        "<?xml version='1.0' standalone='no' encoding='UTF-8'?>",
        "<?xml version='1.0' version='1.0'?>",
        "<?xml version='1.0'",
        "<?xml version='1.0' x='y'?>",
    ] {
        let error = refused(format!("{declaration}<a/>"));
        assert!(matches!(error, XmlError::Declaration { .. }), "{declaration}: {error}");
    }
}

#[test]
fn encodings_other_than_utf_8_are_refused() {
    let wide: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused([&[0xFF, 0xFE], wide.as_slice()].concat()), XmlError::WideEncoding);
    assert_eq!(refused(wide), XmlError::WideEncoding);
    assert_eq!(refused(b"\xEF\xBB\xBF<a>\xE9</a>"), XmlError::NotUtf8 { offset: 6 });
}

#[test]
fn empty_huge_and_doctype_documents_have_their_own_errors() {
    assert_eq!(refused(""), XmlError::Empty);
    assert_eq!(refused(" \r\n"), XmlError::Empty);
    assert_eq!(
        refused("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>"),
        XmlError::Doctype
    );
    let huge = format!("<a>{}</a>", "x".repeat(MAX_DOCUMENT_BYTES));
    assert_eq!(refused(huge), XmlError::TooLarge { limit: MAX_DOCUMENT_BYTES });
}

#[test]
fn limits_are_exact() {
    let limit = |error: &XmlError| match error {
        XmlError::Limit { what, limit, .. } => (*what, *limit),
        other => panic!("{other}"),
    };
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    accepted(&nested(MAX_DEPTH));
    assert_eq!(limit(&refused(nested(MAX_DEPTH + 1))), ("levels of elements", MAX_DEPTH));

    let attributes = |count: usize| {
        let list: Vec<String> = (0..count).map(|i| format!(" a{i}=''")).collect();
        let list = list.concat();
        format!("<a{list}/>")
    };
    accepted(&attributes(MAX_ATTRIBUTES));
    assert_eq!(limit(&refused(attributes(MAX_ATTRIBUTES + 1))), ("attributes", MAX_ATTRIBUTES));

    let namespaces = |count: usize| {
        let declare = |range: std::ops::Range<usize>| {
            range.map(|i| format!(" xmlns:p{i}='urn:u'")).collect::<Vec<_>>().concat()
        };
        format!("<a{}><b{}/><c{}/></a>", declare(0..40), declare(30..count), declare(0..count))
    };
    accepted(&namespaces(MAX_NAMESPACES));
    assert_eq!(limit(&refused(namespaces(MAX_NAMESPACES + 1))), ("namespaces in scope", MAX_NAMESPACES));

    let nodes = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 2));
    accepted(&nodes(MAX_NODES));
    assert_eq!(limit(&refused(nodes(MAX_NODES + 1))), ("nodes", MAX_NODES));
}

/// Each of these is within all other limits; the first would take the parser a quarter of an hour.
#[test]
fn names_that_take_the_parser_long_to_compare_are_refused() {
    let compared = |document: String| match refused(document) {
        XmlError::Limit { what: "comparisons of names needed", limit: 0x8000_0000, .. } => {}
        other => panic!("{other}"),
    };
    let names = repeated(MAX_ATTRIBUTES, |i| format!(" p:a{i}=''"));
    let long = "n".repeat(1_000_000);
    compared(format!("<a xmlns:p='urn:{long}'>{}</a>", format!("<a{names}/>").repeat(10_000)));
    let prefix = |i: usize| format!("{}{i:02}", "p".repeat(MAX_NAME_BYTES - 10));
    let prefixes = repeated(MAX_NAMESPACES - 1, |i| format!(" xmlns:{}='urn:u'", prefix(i)));
    compared(format!("<a{prefixes}>{}</a>", "<a xmlns=''/>".repeat(90_000)));
}

#[test]
fn all_attributes_together_are_limited() {
    let names = repeated(50, |i| format!(" a{i}=''"));
    let document = |count: usize| format!("<a>{}</a>", format!("<a{names}/>").repeat(count));
    accepted(&document(10_000));
    let XmlError::Limit { what, limit, .. } = refused(document(10_001)) else { panic!() };
    assert_eq!((what, limit), ("attributes in the document", 500_000));
}

/// What no entry may have, and any other document may.
#[test]
fn other_documents_have_wider_limits() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let declared = repeated(1_000, |i| format!(" xmlns:p{i}='urn:u' a{i}=''"));
    for document in [
        nested(Limits::LARGE.depth),
        format!("<a{declared}/>"),
        format!("<a>{}</a>", "<b/>".repeat(5 * MAX_NODES)),
        format!("<a>{}</a>", "x".repeat(2 * MAX_DOCUMENT_BYTES)),
    ] {
        let source = Source::read_within(document.as_bytes(), &Limits::LARGE).unwrap();
        source.parse().unwrap();
        assert!(Source::read(document.as_bytes()).is_err());
    }
    let deep = nested(Limits::LARGE.depth + 1);
    let error = Source::read_within(deep.as_bytes(), &Limits::LARGE).unwrap_err();
    assert!(matches!(error, XmlError::Limit { what: "levels of elements", limit: 10_000, .. }), "{error}");
}

/// C14N 1.0 §1.3: there is no canonical form with relative names, so no signature either.
#[test]
fn namespace_names_are_absolute_uris() {
    for good in ["", "urn:a", "http://www.w3.org/2000/09/xmldsig#", "http://x/?a=1&amp;b='2'", "urn&#58;a"] {
        accepted(&format!("<a xmlns=\"{good}\"/>"));
    }
    for bad in
        ["u", "../u", "#u", "//x.org/", ":u", "urn:&#32;u", "urn:a b", "urn:é", "http://[x/", "ur[n:a", "1:a"]
    {
        for declaration in ["xmlns", "xmlns:p"] {
            let error = refused(format!("<a>\n<b {declaration}=\"{bad}\"/></a>"));
            assert!(
                matches!(error, XmlError::NamespaceName { position: Position { line: 2, .. }, .. }),
                "{bad}: {error}"
            );
        }
    }
    let error = refused(format!("<a xmlns='{}'/>", "u".repeat(1000)));
    assert!(error.to_string().len() < 200, "{error}");
}

/// The parser keeps no more than 65,535 bytes of an attribute's name, wherever that cuts it.
#[test]
fn long_names_are_refused() {
    accepted(&format!("<{0} {0}=''/>", "a".repeat(MAX_NAME_BYTES)));
    for name in ["a".repeat(MAX_NAME_BYTES + 1), "é".repeat(40_000)] {
        for document in [format!("<{name}/>"), format!("<a {name}=''/>"), format!("<a xmlns:{name}='u:x'/>")]
        {
            assert!(matches!(refused(document), XmlError::Limit { what: "bytes in a name", .. }));
        }
    }
}

/// A declaration is one whatever white space follows `<?xml`.
#[test]
fn a_declaration_is_no_processing_instruction() {
    for white in [" ", "\t", "\n", "\r\n"] {
        let document = format!("<?xml{white}version='1.0'?><a/>");
        let source = Source::read(document.as_bytes()).unwrap();
        let tree = source.parse().unwrap();
        assert_eq!(tree.root().children().count(), 1, "{white:?}");
        assert!(document[source.original_offset(source.text().find("<a/>").unwrap())..].starts_with("<a/>"));
    }
}

#[test]
fn a_limit_names_its_place() {
    let error = refused(format!("<a>\n  {}", "<b>".repeat(MAX_DEPTH)));
    assert!(error.to_string().ends_with("at line 2, column 300"), "{error}");
}

#[test]
fn offsets_lead_back_to_the_original_bytes() {
    let original = "\u{FEFF}<a>\r\n<b>\r</b>\r\n\r\n<c/></a>";
    let source = Source::read(original.as_bytes()).unwrap();
    assert_eq!(source.text(), "<a>\n<b>\n</b>\n\n<c/></a>");
    for tag in ["<b>", "</b>", "<c/>", "</a>"] {
        let offset = source.original_offset(source.text().find(tag).unwrap());
        assert!(original[offset..].starts_with(tag), "{tag}");
    }
}

#[test]
fn text_is_gathered_around_comments() {
    let document = parse("<a>vic<!-- x -->tim<b>no</b>&amp;<![CDATA[ <co>]]></a>").unwrap();
    assert_eq!(text_of(document.root_element()), "victim& <co>");
}

fn cut(list: &str) -> Result<Vec<String>, EntriesError> {
    entries(list.as_bytes()).map(|entry| entry.map(|bytes| String::from_utf8(bytes).unwrap())).collect()
}

#[test]
fn a_list_is_cut_into_entries_byte_for_byte() {
    let first = "<r:RDF xmlns:r='urn:u'>\r\n<a b='>'/><!-- </r:RDF> --><![CDATA[</r:RDF>]]></r:RDF>";
    let list = format!("<?xml version=\"1.0\"?><metadata> {first}<x/>\n<!-- c --><y>&amp;</y></metadata>\n");
    assert_eq!(cut(&list).unwrap(), [first, "<x/>", "<y>&amp;</y>"]);
    assert_eq!(cut(&format!("\u{FEFF}{list}")).unwrap(), [first, "<x/>", "<y>&amp;</y>"]);
    assert_eq!(cut("<metadata/>").unwrap(), [""; 0]);
    assert_eq!(cut("<metadata></metadata>").unwrap(), [""; 0]);
}

#[test]
fn what_is_no_list_gives_itself() {
    for document in [
        "",
        "hello",
        "<?xml version='1.0'?><!-- c --><rdf:RDF/> tail",
        "<html><metadata/></html>",
        "<a",
        "<m:metadata/>",
    ] {
        assert_eq!(cut(document).unwrap(), [document], "{document}");
    }
}

#[test]
fn a_damaged_list_is_an_error_after_the_whole_entries() {
    let mut list = entries("<metadata><a/><b>".as_bytes());
    assert_eq!(list.next().unwrap().unwrap(), b"<a/>");
    assert!(matches!(list.next(), Some(Err(EntriesError::List { .. }))));
    assert!(list.next().is_none());
    for damaged in [
        "<metadata>text</metadata>",
        "<metadata xmlns='urn:u'></metadata>",
        "<metadata></metadata><b/>",
        "<metadata>&amp;</metadata>",
        "<metadata><a></b></metadata>",
    ] {
        assert!(matches!(cut(damaged), Err(EntriesError::List { .. })), "{damaged}");
    }
}

#[test]
fn an_entry_is_bounded_but_a_list_is_not() {
    let entry = format!("<a>{}</a>", "x".repeat(4 * 1024 * 1024));
    let list = format!("<metadata>{}</metadata>", entry.repeat(4));
    assert_eq!(
        entries(list.as_bytes()).filter(|e| e.as_ref().is_ok_and(|e| e.len() == entry.len())).count(),
        4
    );
    let endless = "<metadata><a/><a>".bytes().chain(std::iter::repeat(b'x'));
    let mut list = entries(BytesReader(endless));
    assert!(list.next().unwrap().is_ok());
    assert!(matches!(list.next(), Some(Err(EntriesError::TooLarge { number: 2, .. }))));
    let mut single = entries(BytesReader("<a>".bytes().chain(std::iter::repeat(b'x'))));
    assert!(matches!(single.next(), Some(Err(EntriesError::TooLarge { number: 1, .. }))));
}

struct BytesReader<I>(I);

impl<I: Iterator<Item = u8>> std::io::Read for BytesReader<I> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut count = 0;
        for (slot, byte) in buffer.iter_mut().zip(&mut self.0) {
            *slot = byte;
            count += 1;
        }
        Ok(count)
    }
}
