/*
 * A counter, for everyone: a contract in C.
 *
 * There is no allocation and no library: what crosses the border has a fixed size, and lies in
 * memory as it is encoded, since both are little-endian and without padding.
 */
#include "quorate.h"

#define PACKED __attribute__((packed))

/* Selectors: the first four bytes of BLAKE3("quorate:selector" and the name), as a number. */
#define NEW 0x07b99637u
#define ADD 0xe3573e14u
#define GET 0x0458a6f5u
#define COUNTED 0x21067a8bu

/* Where the count is stored: the first four bytes of BLAKE3("quorate:storage:" and its name). */
static const uint32_t COUNT = 0xf824c5bau;

/* The error, an enum of one variant. */
struct PACKED overflow {
    uint8_t variant;
    uint64_t count;
    uint64_t by;
};

/* The topics of the event: a vector of two vectors of bytes. */
struct PACKED counted {
    uint32_t topics;
    uint32_t selector_length;
    uint32_t selector;
    uint32_t caller_length;
    uint8_t caller[32];
};

#define PANIC(message) quorate_panic(message, sizeof(message) - 1)

static void check(int is_well_formed) {
    if (!is_well_formed) {
        PANIC("the input is malformed");
    }
}

/* The only argument, a number, of this method. */
static uint64_t argument(int32_t length, uint32_t selector) {
    struct PACKED {
        uint32_t selector;
        uint64_t number;
    } input;
    check(length == sizeof input);
    quorate_input(&input);
    check(input.selector == selector);
    return input.number;
}

static uint64_t count(void) {
    uint64_t count = 0;
    quorate_get(&COUNT, sizeof COUNT, &count, sizeof count);
    return count;
}

static void set_count(uint64_t count) {
    quorate_set(&COUNT, sizeof COUNT, &count, sizeof count);
}

static void emit_counted(uint64_t count) {
    struct quorate_context context;
    quorate_context(&context);
    struct counted event = {2, sizeof event.selector, COUNTED, sizeof event.caller, {0}};
    for (unsigned i = 0; i < sizeof event.caller; i++) {
        event.caller[i] = context.caller[i];
    }
    quorate_emit(&event, sizeof event, &count, sizeof count);
}

QUORATE_EXPORT("init")
int32_t init(int32_t length) {
    set_count(argument(length, NEW));
    return QUORATE_OK;
}

QUORATE_EXPORT("call")
int32_t call(int32_t length) {
    uint64_t by = argument(length, ADD), before = count(), sum;
    if (__builtin_add_overflow(before, by, &sum)) {
        struct overflow error = {0, before, by};
        quorate_set_output(&error, sizeof error);
        return QUORATE_REVERT;
    }
    set_count(sum);
    emit_counted(sum);
    quorate_set_output(&sum, sizeof sum);
    return QUORATE_OK;
}

QUORATE_EXPORT("query")
int32_t query(int32_t length) {
    uint32_t selector;
    check(length == sizeof selector);
    quorate_input(&selector);
    check(selector == GET);
    uint64_t n = count();
    quorate_set_output(&n, sizeof n);
    return QUORATE_OK;
}
