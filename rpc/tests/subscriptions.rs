//! Subscriptions lose nothing: history runs into the present, and a slow client is told what it
//! missed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod fake;

use fake::{Fake, serve};
use jsonrpsee::core::client::Subscription;
use primitives::Height;
use quorate_rpc::client::{self, ChainApiClient, WsClient};
use quorate_rpc::types::BlockEvent;
use quorate_rpc::{ApiError, ErrorCode, Limits, Server};

async fn connect(server: &Server) -> WsClient {
    client::websocket(&format!("ws://{}", server.address())).await.unwrap()
}

async fn next(blocks: &mut Subscription<BlockEvent>) -> BlockEvent {
    let item = tokio::time::timeout(fake::PATIENCE, blocks.next()).await;
    item.expect("an item in time").expect("an item").unwrap()
}

fn height(event: &BlockEvent) -> Height {
    match event {
        BlockEvent::Block { cursor, block, at } => {
            assert_eq!(block.header.height, at.height);
            assert_eq!(*cursor, at.height.next());
            at.height
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn from_a_past_height_every_block_comes_once_and_in_order_while_others_commit() {
    let node = Fake::new();
    for _ in 0..50 {
        node.commit_block();
    }
    let server = serve(&node, Limits { lag_blocks: 1_000, ..Limits::default() }).await;
    let client = connect(&server).await;
    let mut blocks = client.chain_subscribe(Some(Height(3))).await.unwrap();
    let committing = {
        let node = std::sync::Arc::clone(&node);
        tokio::spawn(async move {
            for _ in 0..150 {
                node.commit_block();
                tokio::task::yield_now().await;
            }
        })
    };
    for expected in 3..=200 {
        assert_eq!(height(&next(&mut blocks).await), Height(expected));
    }
    committing.await.unwrap();
    node.commit_block();
    assert_eq!(height(&next(&mut blocks).await), Height(201));
}

#[tokio::test]
async fn without_a_start_the_next_block_is_the_first() {
    let node = Fake::new();
    node.commit_block();
    let server = serve(&node, Limits::default()).await;
    let client = connect(&server).await;
    let mut blocks = client.chain_subscribe(None).await.unwrap();
    node.commit_block();
    let event = next(&mut blocks).await;
    assert_eq!(height(&event), Height(2));
    let BlockEvent::Block { cursor, .. } = event else { panic!("{event:?}") };
    drop(blocks);
    node.commit_block();
    let mut resumed = client.chain_subscribe(Some(cursor)).await.unwrap();
    assert_eq!(height(&next(&mut resumed).await), Height(3));
}

/// A hundred blocks commit before the server gets to send one, as when a socket has no room.
#[tokio::test]
async fn a_slow_client_is_told_the_gap_keeps_its_socket_and_can_fill_it() {
    let node = Fake::new();
    let limits = Limits { lag_blocks: 4, messages_per_connection: 1, ..Limits::default() };
    let server = serve(&node, limits).await;
    let client = connect(&server).await;
    let mut blocks = client.chain_subscribe(None).await.unwrap();
    node.commit_block();
    assert_eq!(height(&next(&mut blocks).await), Height(1));
    for _ in 0..100 {
        node.commit_block();
    }
    let mut expected = Height(2);
    let (resume_from, live_from) = loop {
        match next(&mut blocks).await {
            BlockEvent::Lagged { resume_from, live_from } => break (resume_from, live_from),
            event => {
                assert_eq!(height(&event), expected);
                expected = expected.next();
            }
        }
    };
    assert_eq!(resume_from, expected);
    assert_eq!(height(&next(&mut blocks).await), live_from);

    let mut missed = client.chain_subscribe(Some(resume_from)).await.unwrap();
    for expected in resume_from.0..=live_from.0 {
        assert_eq!(height(&next(&mut missed).await), Height(expected));
    }
}

async fn refused(client: &WsClient, from: u64) -> ApiError {
    let error = client.chain_subscribe(Some(Height(from))).await.unwrap_err();
    ApiError::from_client(&error).unwrap_or_else(|| panic!("{error}"))
}

#[tokio::test]
async fn a_start_in_the_future_or_among_the_pruned_is_refused() {
    let node = Fake::new();
    for _ in 0..10 {
        node.commit_block();
    }
    node.state().floor = Height(5);
    let server = serve(&node, Limits::default()).await;
    let client = connect(&server).await;
    assert_eq!(refused(&client, 12).await.code, ErrorCode::HeightNotYet);
    let expired = refused(&client, 4).await;
    assert_eq!(expired.code, ErrorCode::CursorExpired);
    assert_eq!(expired.detail["floor"], 5);
    let mut blocks = client.chain_subscribe(Some(Height(5))).await.unwrap();
    assert_eq!(height(&next(&mut blocks).await), Height(5));
}

#[tokio::test]
async fn blocks_that_cannot_be_read_end_the_subscription_aloud() {
    let node = Fake::new();
    let server = serve(&node, Limits::default()).await;
    let client = connect(&server).await;
    let mut blocks = client.chain_subscribe(None).await.unwrap();
    node.state().read_error = Some(quorate_rpc::backend::Unavailable::ShuttingDown.into());
    node.commit_block();
    let event = next(&mut blocks).await;
    assert!(matches!(event, BlockEvent::Interrupted { resume_from: Height(1), .. }), "{event:?}");
}

#[tokio::test]
async fn subscriptions_beyond_the_cap_of_a_connection_are_refused() {
    let node = Fake::new();
    let limits = Limits { subscriptions_per_connection: 1, ..Limits::default() };
    let server = serve(&node, limits).await;
    let client = connect(&server).await;
    let first = client.chain_subscribe(None).await.unwrap();
    assert_eq!(refused(&client, 0).await.code, ErrorCode::LimitExceeded);
    first.unsubscribe().await.unwrap();
}
