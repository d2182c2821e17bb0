/*
 * The host interface of Quorate, version 1, for contracts in C.
 *
 * A contract exports its memory and any of init, call, query and migrate, each of type
 * int32_t (int32_t length): length is that of the input, which the contract fetches with
 * quorate_input. The input is the method's selector (4 bytes) and its parameters in canonical
 * binary (borsh), one after the other. The answer is QUORATE_OK or QUORATE_REVERT; either way
 * quorate_set_output has left the return value, or the error, in canonical binary.
 *
 * All integers in memory are little-endian, as the target's own are. Breaking a bound ends the
 * call. In a query, and in a call with QUORATE_FLAG_STATIC, set, delete, add, emit, transfer,
 * instantiate, upgrade, set_admin and calls with value end the call.
 *
 * Compile with: clang --target=wasm32 -mcpu=mvp -nostdlib, and link with: wasm-ld --no-entry.
 */
#ifndef QUORATE_H
#define QUORATE_H

#include <stdint.h>

#define QUORATE_IMPORT(name) __attribute__((import_module("quorate"), import_name(name)))
#define QUORATE_EXPORT(name) __attribute__((export_name(name)))

/* The method returned; its effects stand. */
#define QUORATE_OK 0
/* The method refused; its effects are undone and the output is its error. */
#define QUORATE_REVERT 1
/* Of a nested call: it ran out of gas, trapped or could not be made. No output. */
#define QUORATE_FAILED 2
/* Of a nested call: the callee may not write. */
#define QUORATE_FLAG_STATIC 1
/* Of a scan: the last key comes first. */
#define QUORATE_FLAG_DESCENDING 1
/* Cursors that one call may open. */
#define QUORATE_CURSORS_MAX 16
/* Signatures that are checked at once. */
#define QUORATE_BATCH_MAX 64

/* A number of 128 bits: amounts of native units. */
struct quorate_u128 {
    uint64_t low;
    uint64_t high;
};

/* What a contract may know of where it runs. */
struct quorate_context {
    uint64_t height;
    /* The block's timestamp, in milliseconds since the Unix epoch. */
    uint64_t time_ms;
    /* This contract. */
    uint8_t contract[32];
    /* Who called: the sender's account, or a contract. */
    uint8_t caller[32];
    /* The account that signed the transaction. */
    uint8_t origin[32];
    /* Native units sent along; they are in the contract's balance already. */
    struct quorate_u128 value;
    /* 0 when called by a transaction. */
    uint32_t depth;
    /* 1 when writing is forbidden, else 0. */
    uint32_t is_static;
    /* The genesis hash. */
    uint8_t chain[32];
};
_Static_assert(sizeof(struct quorate_context) == 168, "the context has no padding");

/* Copies the whole input to ptr. */
QUORATE_IMPORT("input")
void quorate_input(void *ptr);

/* Sets the output, replacing an earlier one. */
QUORATE_IMPORT("set_output")
void quorate_set_output(const void *ptr, uint32_t len);

/* Writes the context. */
QUORATE_IMPORT("context")
void quorate_context(struct quorate_context *ptr);

/*
 * -1: absent; else the value's full length, of which the first capacity bytes are written to out.
 */
QUORATE_IMPORT("get")
int64_t quorate_get(const void *key, uint32_t key_len, void *out, uint32_t capacity);

/* Stores a value. */
QUORATE_IMPORT("set")
void quorate_set(const void *key, uint32_t key_len, const void *value, uint32_t value_len);

/* Removes a value, if there is one. */
QUORATE_IMPORT("delete")
void quorate_delete(const void *key, uint32_t key_len);

/* 1: present, 0: absent. */
QUORATE_IMPORT("has")
int32_t quorate_has(const void *key, uint32_t key_len);

/*
 * Adds a signed amount (16 bytes) to an unsigned value (16 bytes; absent means 0): 0 done, 1 not
 * done, since the sum would be below 0 or above max (16 bytes). Additions that are done commute.
 */
QUORATE_IMPORT("add")
int32_t quorate_add(const void *key, uint32_t key_len, const struct quorate_u128 *amount,
                    const struct quorate_u128 *max);

/*
 * Opens a cursor over the keys from start on and below end, in their order; an empty end is the
 * end of all. With QUORATE_FLAG_DESCENDING the last comes first. At most QUORATE_CURSORS_MAX in a
 * call.
 */
QUORATE_IMPORT("scan")
int32_t quorate_scan(const void *start, uint32_t start_len, const void *end, uint32_t end_len,
                     int32_t flags);

/*
 * Writes the next pairs, as many as fit, each as length of the key (4 bytes), length of the value
 * (4 bytes), key, value. Answers the bytes written, 0 at the end, or the negative of the bytes
 * that the next pair alone needs. Sees what was written meanwhile.
 */
QUORATE_IMPORT("next_batch")
int64_t quorate_next_batch(int32_t cursor, void *out, uint32_t capacity);

/*
 * Emits an event; topics are a canonical vector of vectors of bytes whose first is the event's
 * selector.
 */
QUORATE_IMPORT("emit")
void quorate_emit(const void *topics, uint32_t topics_len, const void *data, uint32_t data_len);

/*
 * Calls another contract: 32 bytes of address, 16 of value; gas 0 means all that may be given
 * (63/64 of the rest). Answers status << 32 | output length, with QUORATE_OK, QUORATE_REVERT or
 * QUORATE_FAILED as status; a call that is not OK has undone all its effects. With
 * QUORATE_FLAG_STATIC the callee may not write.
 */
QUORATE_IMPORT("call")
int64_t quorate_call(const void *address, const void *input, uint32_t input_len,
                     const struct quorate_u128 *value, uint64_t gas, int32_t flags);

/*
 * Makes a contract of stored code (32 bytes of hash) and runs its init; answers as quorate_call
 * does. The output of OK is its address; this contract is its creator and its admin.
 */
QUORATE_IMPORT("instantiate")
int64_t quorate_instantiate(const void *code, const void *salt, uint32_t salt_len,
                            const void *input, uint32_t input_len,
                            const struct quorate_u128 *value, uint64_t gas);

/*
 * Gives a contract whose admin this one is other code, and runs its migrate where the versions of
 * the state differ; answers as quorate_call does.
 */
QUORATE_IMPORT("upgrade")
int64_t quorate_upgrade(const void *contract, const void *code, const void *input,
                        uint32_t input_len, uint64_t gas);

/*
 * Hands a contract whose admin this one is to another; to 32 zero bytes: to nobody, for ever. 0
 * done, 1 not the admin.
 */
QUORATE_IMPORT("set_admin")
int32_t quorate_set_admin(const void *contract, const void *admin);

/* Copies the output of the last call, instantiate or upgrade to ptr. */
QUORATE_IMPORT("returned")
void quorate_returned(void *ptr);

/* Moves native units of the contract: 0 done, 1 too little balance. */
QUORATE_IMPORT("transfer")
int32_t quorate_transfer(const void *to, const struct quorate_u128 *amount);

/* Writes an account's balance, 16 bytes. */
QUORATE_IMPORT("balance")
void quorate_balance(const void *address, struct quorate_u128 *out);

/* Write the hash, 32 bytes. */
QUORATE_IMPORT("blake3")
void quorate_blake3(const void *ptr, uint32_t len, void *out);
QUORATE_IMPORT("sha256")
void quorate_sha256(const void *ptr, uint32_t len, void *out);
QUORATE_IMPORT("keccak256")
void quorate_keccak256(const void *ptr, uint32_t len, void *out);

/*
 * Whether the signature (64 bytes) is the key's (32 bytes) over the message, by ZIP-215: 1 or 0.
 */
QUORATE_IMPORT("ed25519_verify")
int32_t quorate_ed25519_verify(const void *key, const void *message, uint32_t message_len,
                               const void *signature);

/*
 * The same of many at once: a canonical vector of keys, messages and signatures, at most
 * QUORATE_BATCH_MAX; 1 when all are valid.
 */
QUORATE_IMPORT("ed25519_verify_batch")
int32_t quorate_ed25519_verify_batch(const void *batch, uint32_t batch_len);

/*
 * ECDSA: whether the signature (r, s, 64 bytes) is the key's (compressed, 33 bytes) over the hash
 * (32 bytes): 1 or 0. Both values of s count.
 */
QUORATE_IMPORT("secp256k1_verify")
int32_t quorate_secp256k1_verify(const void *key, const void *hash, const void *signature);

/*
 * Writes the key (uncompressed, 65 bytes) that made a signature (r, s, recovery number 0 to 3, 65
 * bytes) over the hash: 1, or 0 when there is none.
 */
QUORATE_IMPORT("secp256k1_recover")
int32_t quorate_secp256k1_recover(const void *hash, const void *signature, void *out);

/* As quorate_secp256k1_verify, on NIST P-256. */
QUORATE_IMPORT("p256_verify")
int32_t quorate_p256_verify(const void *key, const void *hash, const void *signature);

/* Ends the call with a message; never returns. */
QUORATE_IMPORT("panic")
_Noreturn void quorate_panic(const void *ptr, uint32_t len);

#endif
