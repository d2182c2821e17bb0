//! Requests below JSON-RPC: bytes over HTTP, and frames over WebSocket.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub async fn post(address: SocketAddr, body: &str) -> Reply {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    exchange(address, &[head.as_bytes(), body.as_bytes()].concat()).await
}

pub async fn get(address: SocketAddr, path: &str) -> Reply {
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
    exchange(address, request.as_bytes()).await
}

async fn exchange(address: SocketAddr, request: &[u8]) -> Reply {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that refuses early may close before it has read all.
    let _ = socket.write_all(request).await;
    let mut reply = Vec::new();
    let _ = socket.read_to_end(&mut reply).await;
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").expect("an HTTP response");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// Sends texts over one WebSocket, and reads as many answers as there were texts.
pub async fn websocket(address: SocketAddr, texts: &[&str]) -> Vec<Value> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let upgrade = "GET / HTTP/1.1\r\nhost: node\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    let (mut reader, mut writer) = socket.split();
    let send = async {
        for text in texts {
            // A final text frame with a 64-bit length and a mask of zeros (RFC 6455, 5.2).
            writer.write_all(&[0x81, 0xff]).await.unwrap();
            writer.write_u64(text.len() as u64).await.unwrap();
            writer.write_all(&[0; 4]).await.unwrap();
            writer.write_all(text.as_bytes()).await.unwrap();
        }
    };
    let receive = async {
        let mut answers = Vec::new();
        while answers.len() < texts.len() {
            let kind = reader.read_u8().await.unwrap();
            let length = match reader.read_u8().await.unwrap() {
                126 => u64::from(reader.read_u16().await.unwrap()),
                127 => reader.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut body = vec![0; usize::try_from(length).unwrap()];
            reader.read_exact(&mut body).await.unwrap();
            if kind == 0x81 {
                answers.push(serde_json::from_slice(&body).unwrap());
            }
        }
        answers
    };
    tokio::join!(send, receive).1
}
