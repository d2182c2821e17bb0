//! Generated clients, as `contracts/bindings/tests/golden` has them, against a chain.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

// The names that an application knows them by.
extern crate abi as quorate_abi;
extern crate primitives as quorate_primitives;
extern crate rpc as quorate_rpc;

#[rustfmt::skip]
#[path = "../../contracts/bindings/tests/golden/quorate.rs.golden"]
mod quorate;
#[rustfmt::skip]
#[path = "../../contracts/bindings/tests/golden/token.rs.golden"]
mod token;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use primitives::{Action, Address, Hash, SecretKey};
use quorate::{CallError, Client, Never, Sender};
use quorate_tests::net::Dev;
use serde_json::Value;
use token::{Token, TokenError, TokenEvent};

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts")
}

fn alice(dev: &Dev) -> Sender {
    let seed = dev.seed("alice").unwrap().parse::<Hash>().unwrap();
    SecretKey::from_seed(seed.0).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_rust_deploys_calls_and_asks() {
    let dev = Dev::start().unwrap();
    let (client, alice) = (Client::new(dev.rpc()).unwrap(), alice(&dev));
    let code = fs::read(contracts().join("token/token.wasm")).unwrap();
    let gas = quorate::Gas(200_000_000_000);
    let uploader = Sender { gas, ..alice.clone() };
    let uploaded = client.send::<Never>(&uploader, Action::Upload { code }).await.unwrap();
    let code = Hash(uploaded.output.0.try_into().unwrap());
    let token = Token::deploy(&client, &alice, code, b"salt", &1_000).await.unwrap();
    let (owner, bob) = (alice.key.public_key().address(), Address([7; 32]));
    assert_eq!(token.balance_of(&owner).await.unwrap(), 1_000);

    let sent = token.transfer(&alice, &bob, &300).await.unwrap();
    let events = token.events(&sent.receipt);
    let transfer = token::Transfer { from: owner, to: bob, amount: 300 };
    assert_eq!(events, [TokenEvent::Transfer(transfer)]);
    assert_eq!(token.balance_of(&bob).await.unwrap(), 300);
    assert_eq!(token.supply().await.unwrap(), 1_000);

    match token.transfer(&alice, &bob, &701).await.unwrap_err() {
        CallError::Reverted(error) => {
            assert_eq!(error, TokenError::Insufficient { have: 700, need: 701 });
        }
        other => panic!("{other}"),
    }
    let nobody = Token { client, address: Address([9; 32]) };
    let missing = nobody.supply().await.unwrap_err();
    assert!(matches!(missing, CallError::Failed { .. }), "{missing:?}");
}

/// What the TypeScript client does the same with; it says what it found in one JSON document.
const SCRIPT: &str = r#"
import { readFileSync } from "node:fs";
import { Client, addressOf, fromHex, reverted, signerOf } from "./quorate.js";
import { Token } from "./token.js";
import type { TokenError } from "./token.js";

const [rpc, seed, module] = process.argv.slice(2) as [string, `0x${string}`, string];
const client = new Client(rpc);
const signer = await signerOf(fromHex(seed));
const owner = addressOf(signer.publicKey);
const bob = `0x${"07".repeat(32)}` as const;
const code = await client.upload(readFileSync(module), { signer });
const token = await Token.deploy(client, code, { supply: 2n ** 100n }, { signer });
const sent = await token.transfer({ to: bob, amount: 300n }, { signer });
const events = token.events(sent.receipt).flatMap(({ name, fields }) => name === "Transfer"
  ? [{ name, from: fields.from, to: fields.to, amount: String(fields.amount) }] : []);
let refused: TokenError | undefined;
try {
  await token.transfer({ to: bob, amount: 2n ** 100n }, { signer });
} catch (error) {
  refused = reverted<TokenError>(error);
}
const balance: bigint = await token.balanceOf({ owner: bob });
const rest: bigint = await token.balanceOf({ owner });
const missing = typeof refused === "object" && "Insufficient" in refused
  ? String(refused.Insufficient.need - refused.Insufficient.have) : null;
const sum = String(balance + rest);
console.log(JSON.stringify({ owner, events, balance: String(balance), sum, missing }));
"#;

#[test]
fn a_client_in_typescript_deploys_calls_and_asks() {
    let compiler = contracts().join("bindings/typescript/node_modules/typescript/bin/tsc");
    if !compiler.is_file() {
        eprintln!(
            "skipped: contracts/bindings/typescript lacks its packages; `npm ci` brings them"
        );
        return;
    }
    let dev = Dev::start().unwrap();
    let folder = dev.folder().join("client");
    fs::create_dir(&folder).unwrap();
    for name in ["quorate.ts", "token.ts"] {
        let golden = contracts().join(format!("bindings/tests/golden/{name}.golden"));
        fs::copy(golden, folder.join(name)).unwrap();
    }
    fs::write(folder.join("main.ts"), SCRIPT).unwrap();
    fs::write(folder.join("package.json"), r#"{ "type": "module" }"#).unwrap();
    // What the script needs of Node's own types.
    let node = "declare module \"node:fs\" { export function readFileSync(path: string): \
                Uint8Array; }\ndeclare const process: { argv: string[] };\n";
    fs::write(folder.join("node.d.ts"), node).unwrap();
    let compiled = Command::new("node")
        .arg(&compiler)
        .args(["--strict", "--target", "es2022", "--module", "nodenext", "main.ts", "node.d.ts"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stdout));
    let ran = Command::new("node")
        .args(["main.js", dev.rpc(), dev.seed("alice").unwrap()])
        .arg(contracts().join("token/token.wasm"))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let found: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let owner = alice(&dev).key.public_key().address().to_string();
    assert_eq!(found["owner"], owner.as_str());
    let event = &found["events"][0];
    assert_eq!((&event["name"], &event["from"]), (&"Transfer".into(), &owner.as_str().into()));
    assert_eq!((&event["amount"], &found["balance"]), (&"300".into(), &"300".into()));
    assert_eq!(found["sum"], (1_u128 << 100).to_string());
    assert_eq!(found["missing"], "300");
}
