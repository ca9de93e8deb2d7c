//! Words are those of jieba-rs, whose walk through its dictionary is our own.

use jieba_rs::Jieba;
use jingwei_text::prepare::{
    Addresses, Encoder, TextOptions, TextPreparation, Tokenizer, Unicode, Words,
};
use proptest::prelude::*;
use std::sync::LazyLock;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Words, and no cleaning.
fn encoder(words: Words) -> Encoder {
    let options = TextOptions {
        strip_html: false,
        urls: Addresses::Keep,
        emails: Addresses::Keep,
        unicode: Unicode::None,
        simplify: false,
        lowercase: false,
        tokenizer: Tokenizer::Word(words),
        ..TextOptions::default()
    };
    Encoder::new(TextPreparation::fit(&["字 字"][..], &options).unwrap()).unwrap()
}

fn guessing(guess_new_words: bool) -> Words {
    Words {
        guess_new_words,
        ..Words::default()
    }
}

/// Runs of what jieba takes together, those that have a Chinese character.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let joins = |c: char| c.is_ascii_alphanumeric() || "+#&._%-".contains(c);
    text.split(move |c| !joins(c) && !is_chinese(c))
        .filter(|run| run.contains(is_chinese))
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2ebef}' | '\u{2f800}'..='\u{2fa1f}')
}

fn assert_same(run: &str, encoder: &Encoder, jieba: &Jieba, guess: bool) {
    let ours = encoder.tokens(run);
    let ours: Vec<&str> = ours.iter().map(|token| token.text.as_str()).collect();
    let theirs: Vec<&str> = jieba
        .cut(run, guess)
        .iter()
        .map(|token| token.word)
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn real_texts_have_the_words_of_jieba() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for file in ["examples/zh_reviews/zh_reviews.csv", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        for guess in [true, false] {
            let encoder = encoder(guessing(guess));
            runs(&text).for_each(|run| assert_same(run, &encoder, &JIEBA, guess));
        }
    }
}

#[test]
fn an_own_dictionary_counts_as_in_jieba() {
    let folder = tempfile::tempdir().unwrap();
    let dictionary = folder.path().join("words.txt");
    // One that jieba has too, one of a single character, one beyond the basic plane, one with Latin letters.
    std::fs::write(
        &dictionary,
        "服务 900000\n服务态度好\n嘅 50\n𠮷野家 20 nz\nC++语言 7\n",
    )
    .unwrap();
    let mut jieba = Jieba::new();
    jieba.add_word("服务", Some(900_000), None);
    jieba.add_word("服务态度好", None, None);
    jieba.add_word("嘅", Some(50), None);
    jieba.add_word("𠮷野家", Some(20), Some("nz"));
    jieba.add_word("C++语言", Some(7), None);
    for guess in [true, false] {
        let encoder = encoder(Words {
            dictionary: Some(dictionary.clone()),
            ..guessing(guess)
        });
        for run in [
            "他们的服务态度好过我嘅服务",
            "去𠮷野家学C++语言和C+语言",
            "𠮷𠮷嘅嘅野家",
        ] {
            assert_same(run, &encoder, &jieba, guess);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_runs_have_the_words_of_jieba(
        run in "([\u{4e00}-\u{4fff}的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏饭店龘龘𠮷豈㐀a-zA-Z0-9+#&._%-]){1,40}",
        guess: bool,
    ) {
        static ENCODERS: LazyLock<[Encoder; 2]> = LazyLock::new(|| [false, true].map(|guess| encoder(guessing(guess))));
        for run in runs(&run) {
            assert_same(run, &ENCODERS[usize::from(guess)], &JIEBA, guess);
        }
    }
}
