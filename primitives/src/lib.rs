//! The vocabulary: hashes, keys, transactions, blocks, certificates, receipts, genesis, limits.
