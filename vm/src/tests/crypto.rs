//! Hashes and signatures, against published vectors.

use primitives::codec;
use primitives::receipt::{Failure, Status};

use crate::cost;
use crate::testing::{GAS, RUN, TestChain, calling, key};

/// A contract that runs `body` on its input, which lies at 0 behind the selector, and answers with
/// what then lies at 60000.
struct Crypto {
    chain: TestChain,
    contract: primitives::Address,
}

impl Crypto {
    fn new(body: &str, answer_len: usize) -> Self {
        let mut chain = TestChain::new();
        let contract = chain.deploy(calling(
            "",
            &format!(
                "(call $input (i32.const 0)) {body}
                 (call $set_output (i32.const 60000) (i32.const {answer_len})) i32.const 0"
            ),
        ));
        Self { chain, contract }
    }

    /// One that checks a signature; the parts of its input begin at `places`.
    fn check(function: &str, places: &[&str]) -> Self {
        let places = places.join(" ");
        Self::new(&format!("(i32.store (i32.const 60000) (call ${function} {places}))"), 4)
    }

    fn run(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        let input = [&RUN[..], &parts.concat()].concat();
        let receipt = self.chain.call(self.contract, &input, 0);
        assert_eq!(receipt.status, Status::Success);
        receipt.output
    }

    fn accepts(&mut self, parts: &[&[u8]]) -> bool {
        match self.run(parts).as_slice() {
            [1, 0, 0, 0] => true,
            [0, 0, 0, 0] => false,
            other => panic!("neither 1 nor 0: {other:?}"),
        }
    }

    /// Whether no single flipped bit of any part is accepted. One bit of each byte is tried.
    fn refuses_all_else(&mut self, parts: &[&[u8]]) {
        for (number, part) in parts.iter().enumerate() {
            for position in 0..part.len() {
                let mut changed = part.to_vec();
                changed[position] ^= 1 << (position % 8);
                let mut parts = parts.to_vec();
                parts[number] = &changed;
                assert!(!self.accepts(&parts), "byte {position} of part {number}");
            }
        }
    }
}

/// Where the input's parts begin, in WebAssembly text.
const AT_4: &str = "(i32.const 4)";

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn check_hash(function: &str, message: &[u8], expected: &str) {
    let length = "(i32.sub (local.get 0) (i32.const 4))";
    let body = format!("(call ${function} {AT_4} {length} (i32.const 60000))");
    let hash = Crypto::new(&body, 32).run(&[message]);
    assert_eq!(hex::encode(hash), expected, "{function} of {} bytes", message.len());
}

/// FIPS 180-4's examples; those of Keccak's submission, whose padding is not SHA-3's; BLAKE3's
/// `test_vectors.json`, whose inputs count from 0 to 250 again and again.
#[test]
fn hashes_are_those_of_their_authors() {
    let counting: Vec<u8> = (0..1_025_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for (function, message, expected) in [
        ("sha256", &b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha256",
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        ("keccak256", b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        ("keccak256", b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        ("blake3", b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        ("blake3", &[0], "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (
            "blake3",
            &counting[..1_024],
            "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
        ),
        ("blake3", &counting, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
    ] {
        check_hash(function, message, expected);
    }
}

/// What is hashed is paid for by its length, and hashing it costs more than carrying it across.
#[test]
fn hashes_cost_by_their_length() {
    for (function, price) in [
        ("blake3", cost::BLAKE3_BYTE),
        ("sha256", cost::SHA256_BYTE),
        ("keccak256", cost::KECCAK256_BYTE),
    ] {
        let gas_of = |length: usize| {
            let body = format!("(call ${function} {AT_4} (i32.const {length}) (i32.const 60000))");
            let mut crypto = Crypto::new(&body, 32);
            crypto.chain.call(crypto.contract, &RUN, 0).gas_used.0
        };
        assert!(gas_of(10_000) - gas_of(0) >= 10_000 * price, "{function}");
    }
}

/// RFC 8032, section 7.1: tests 1 to 3.
const RFC_8032: [(&str, &str, &str); 3] = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
         d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
         387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
         4a7c15e9716ed28dc027beceea1ec40a",
    ),
];

fn ed25519() -> Crypto {
    let length = "(i32.sub (local.get 0) (i32.const 100))";
    Crypto::check("ed25519_verify", &[AT_4, "(i32.const 100)", length, "(i32.const 36)"])
}

#[test]
fn ed25519_accepts_the_vectors_of_its_rfc_and_nothing_beside_them() {
    let mut crypto = ed25519();
    for (public, message, signature) in RFC_8032 {
        let (public, signature) = (bytes::<32>(public), bytes::<64>(signature));
        let message = hex::decode(message).unwrap();
        assert!(crypto.accepts(&[&public, &signature, &message]));
        crypto.refuses_all_else(&[&public, &signature, &message]);
        assert!(!crypto.accepts(&[&public, &signature, &message, b"more"]));
    }
}

/// ZIP-215, which is the chain's rule: a key of small order verifies, alone and in a batch.
#[test]
fn ed25519_is_by_zip_215_alone_and_in_a_batch() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let signature = [&identity[..], &[0; 32]].concat();
    assert!(ed25519().accepts(&[&identity, &signature, b"anything"]));
    let signature: [u8; 64] = signature.try_into().unwrap();
    assert!(batch_accepts(&[(identity, b"anything".to_vec(), signature)]));
}

type Signed = ([u8; 32], Vec<u8>, [u8; 64]);

fn batch() -> Crypto {
    let length = "(i32.sub (local.get 0) (i32.const 4))";
    Crypto::check("ed25519_verify_batch", &[AT_4, length])
}

fn batch_accepts(signed: &[Signed]) -> bool {
    batch().accepts(&[&codec::encode(&signed.to_vec())])
}

fn signed(number: u8) -> Signed {
    let message = vec![number; usize::from(number)];
    (key(number).public_key().0, message.clone(), key(number).sign(&message).0)
}

#[test]
fn a_batch_is_valid_when_all_of_it_is() {
    let all: Vec<Signed> = (0..64).map(signed).collect();
    assert!(batch_accepts(&all));
    assert!(batch_accepts(&[]));
    for bad in [0, 31, 63] {
        let mut all = all.clone();
        all[bad].1.push(0);
        assert!(!batch_accepts(&all), "{bad}");
    }
}

#[test]
fn a_batch_is_bounded_and_strict() {
    let many: Vec<Signed> = (0..65).map(signed).collect();
    let mut trailing = codec::encode(&vec![signed(1)]);
    trailing.push(0);
    for input in [codec::encode(&many), trailing, vec![1, 0, 0, 0, 7]] {
        let mut crypto = batch();
        let receipt = crypto.chain.call(crypto.contract, &[&RUN[..], &input].concat(), 0);
        let misuse = Failure::HostMisuse("the batch is malformed".to_owned());
        assert_eq!(receipt.status, Status::Failed(misuse));
        assert!(receipt.gas_used.0 < GAS);
    }
}

fn ecdsa(function: &str) -> Crypto {
    Crypto::check(function, &[AT_4, "(i32.const 37)", "(i32.const 69)"])
}

/// The order of secp256k1's group, and of P-256's.
const SECP256K1_ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// The signature with the order less s in the place of s.
fn other_s(signature: &[u8; 64], order: &str) -> [u8; 64] {
    let (r, s) = signature.split_at(32);
    let (mut negated, mut borrow) = (bytes::<32>(order), false);
    for (digit, &less) in negated.iter_mut().zip(s).rev() {
        let (first, over) = digit.overflowing_sub(less);
        let (second, under) = first.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (second, over || under);
    }
    [r, &negated].concat().try_into().unwrap()
}

/// Both values of s count; keys that are none and numbers out of range make it 0, never a trap.
fn check_ecdsa(function: &str, order: &str, parts: [&str; 3]) {
    let (public, hash) = (bytes::<33>(parts[0]), bytes::<32>(parts[1]));
    let signature = bytes::<64>(parts[2]);
    let mut crypto = ecdsa(function);
    assert!(crypto.accepts(&[&public, &hash, &signature]));
    let other = other_s(&signature, order);
    assert_ne!(other, signature);
    assert!(crypto.accepts(&[&public, &hash, &other]));
    crypto.refuses_all_else(&[&public, &hash, &signature]);
    let (r, s) = signature.split_at(32);
    let (zero, order) = ([0; 32], bytes::<32>(order));
    for (r, s) in [(&zero[..], s), (r, &zero), (&order, s), (r, &order)] {
        assert!(!crypto.accepts(&[&public, &hash, r, s]));
    }
    let mut none = public;
    for first in [0, 1, 4, 5, 255] {
        none[0] = first;
        assert!(!crypto.accepts(&[&none, &hash, &signature]), "a key that begins with {first}");
    }
    assert!(!crypto.accepts(&[&[2; 33], &hash, &signature]));
}

/// RFC 6979 as Bitcoin's libraries test it: key 1, over the SHA-256 of "Satoshi Nakamoto".
#[test]
fn secp256k1_accepts_both_signatures_and_nothing_beside_them() {
    check_ecdsa(
        "secp256k1_verify",
        SECP256K1_ORDER,
        [
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e",
            "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8\
             2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
        ],
    );
}

/// RFC 6979, A.2.5: P-256 with SHA-256 over "sample".
#[test]
fn p256_accepts_both_signatures_and_nothing_beside_them() {
    check_ecdsa(
        "p256_verify",
        P256_ORDER,
        [
            "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
            "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ],
    );
}

/// Those of Ethereum's precompile: the address is the end of the key's Keccak hash. The first has a
/// high s.
#[test]
fn secp256k1_recovers_the_keys_of_ethereums_vectors() {
    use sha3::Digest as _;
    let mut crypto = Crypto::new(
        "(i32.store (i32.const 60000)
            (call $secp256k1_recover (i32.const 4) (i32.const 36) (i32.const 60004)))",
        69,
    );
    for (hash, signature, number, address) in [
        (
            "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c",
            "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
             eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549",
            1,
            "a94f5374fce5edbc8e2a8697c15331677e6ebf0b",
        ),
        (
            "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3",
            "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608\
             4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
            1,
            "7156526fbd7a3c72969b54f64e42c10fbb768c8a",
        ),
    ] {
        let (hash, signature) = (bytes::<32>(hash), bytes::<64>(signature));
        let output = crypto.run(&[&hash, &signature, &[number]]);
        let (verdict, public) = output.split_at(4);
        assert_eq!((verdict, public[0]), (&[1, 0, 0, 0][..], 4));
        let digest = sha3::Keccak256::digest(&public[1..]);
        assert_eq!(hex::encode(&digest[12..]), address);
        // The other s goes with the other number, and leads to the same key.
        let other = other_s(&signature, SECP256K1_ORDER);
        assert_eq!(crypto.run(&[&hash, &other, &[number ^ 1]]), output);
        // Another number leads to another key, or to none.
        for number in [number ^ 1, 2, 3, 4, 27, 255] {
            assert_ne!(crypto.run(&[&hash, &signature, &[number]]), output);
        }
        for signature in [[0; 64], [255; 64]] {
            assert_eq!(crypto.run(&[&hash, &signature, &[number]])[..4], [0; 4]);
        }
    }
}
