// SPDX-License-Identifier: MIT
/*
 * The watch over the handshake below libFuzzer, against the same rules written down for bytes that lie there whole.
 * An input: a byte, in which pieces the rest arrives and whether a session was offered; the bytes of a server.
 */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "fuzz_world.h"
#include "berth_handshake_watch.h"

/* In pieces that lie alone in memory, so that a byte read behind one is found. Returns what the last call returned. */
static bool watch_pieces(berth_handshake_watch *watch, const uint8_t *bytes, size_t count, size_t piece)
{
  bool passes = true;
  for (size_t at = 0; at < count; at += piece) {
    const size_t length = count - at < piece ? count - at : piece;
    uint8_t *alone = malloc(length);
    if (alone == NULL) abort();
    memcpy(alone, bytes + at, length);
    const bool before = watch->fault == NULL;
    passes = berth_watch(watch, alone, length);
    free(alone);
    if (passes != (watch->fault == NULL)) berth_fuzz_stop("the answer is not the fault");
    if (!before && passes) berth_fuzz_stop("a fault was forgotten");
    if (!passes && !watch->over) berth_fuzz_stop("it goes on after a fault");
  }
  return passes;
}

typedef enum { GOES_ON, IS_OVER, IS_REFUSED } verdict;

/* What is known after the bytes so far. */
typedef struct {
  bool offered;
  /* Handshake bytes of the records in clear, and where the message begins that is not complete. */
  uint8_t *bytes;
  size_t count;
  size_t message;
  /* Type of the last message that has begun; of the last ServerHello: its suite, and whether it asks again. */
  uint8_t last;
  bool asks_again;
  bool only_tls13;
  uint16_t suite;
} model;

static bool is_tls13(const model *m)
{
  return m->suite >> 8 == 0x13;
}

static bool may_sign(unsigned suite, unsigned hash, unsigned kind)
{
  const bool pss = hash == 8 && kind >= 4 && kind <= 6;
  const bool strong = hash >= 4 && hash <= 6;
  if (suite == 0xC02B || suite == 0xC02C) return strong && kind == 3;
  if (suite == 0xC02F || suite == 0xC030) return (strong && kind == 1) || pss;
  return true;
}

/* The random is the SHA-256 of "HelloRetryRequest" (RFC 8446, section 4.1.3). */
static bool asks_again(const uint8_t *hello, size_t length)
{
  static const char name[] = "HelloRetryRequest";
  unsigned char hash[32];
  if (mbedtls_sha256_ret((const unsigned char *)name, sizeof name - 1, hash, 0) != 0) abort();
  return length >= 34 && memcmp(hello + 2, hash, sizeof hash) == 0;
}

/* Types of messages of TLS 1.2, each with what may come before it. */
static bool may_begin(const model *m, uint8_t type)
{
  static const uint8_t pairs[][2] = {{0, 2}, {2, 11}, {2, 4}, {11, 12}, {12, 13}, {12, 14}, {13, 14}, {14, 4}};
  if (m->last == 2 && m->asks_again) return type == 2;
  if (m->last == 2 && (is_tls13(m) || m->only_tls13 || (type == 4 && !m->offered))) return false;
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
    if (pairs[i][0] == m->last && pairs[i][1] == type) return true;
  return false;
}

/* Takes the messages that are complete; looks at what is there of the last one. */
static verdict read_messages(model *m)
{
  while (m->count - m->message >= 4) {
    const uint8_t *head = m->bytes + m->message;
    const size_t length = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    const size_t there = m->count - m->message - 4;
    const uint8_t *body = head + 4;
    const bool whole = there >= length;
    const size_t known = whole ? length : there;
    if (length > 16384 || !may_begin(m, head[0]) || (head[0] == 11 && length <= 3)) return IS_REFUSED;
    if (head[0] == 12 && known > 3) {
      const size_t mark = 4 + (size_t)body[3];
      if (known > mark + 1 && !may_sign(m->suite, body[mark], body[mark + 1])) return IS_REFUSED;
    }
    /* Looked at again with the next record. */
    if (!whole) return GOES_ON;
    if (head[0] == 2) {
      if (m->last == 2) m->only_tls13 = true;
      m->asks_again = asks_again(body, length);
      const size_t mark = length > 34 ? 35 + (size_t)body[34] : length;
      for (size_t at = mark; at < length && at < mark + 2; at++) m->suite = (uint16_t)(m->suite << 8 | body[at]);
    }
    m->last = head[0];
    m->message += 4 + length;
  }
  return GOES_ON;
}

static verdict read_record(model *m, uint8_t type, const uint8_t *bytes, size_t count)
{
  const bool between = m->message == m->count;
  switch (type) {
  case 21:
    return GOES_ON;
  case 22:
    memcpy(m->bytes + m->count, bytes, count);
    m->count += count;
    return read_messages(m);
  case 20:
    if (!between) return IS_REFUSED;
    if (m->last == 0 || (m->last == 2 && (m->asks_again || is_tls13(m)))) {
      m->only_tls13 = true;
      return GOES_ON;
    }
    if (m->last == 2) return m->offered && !m->only_tls13 ? IS_OVER : IS_REFUSED;
    return m->last == 14 || m->last == 4 ? IS_OVER : IS_REFUSED;
  case 23:
    return between && m->last == 2 && !m->asks_again && is_tls13(m) ? IS_OVER : IS_REFUSED;
  default:
    return IS_REFUSED;
  }
}

static bool expected(const uint8_t *bytes, size_t count, bool offered)
{
  model m = {.offered = offered, .bytes = malloc(count)};
  if (m.bytes == NULL) abort();
  verdict so_far = GOES_ON;
  for (size_t at = 0; count - at >= 5 && so_far == GOES_ON;) {
    const size_t length = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
    const size_t there = length < count - at - 5 ? length : count - at - 5;
    so_far = bytes[at + 1] == 3 ? read_record(&m, bytes[at], bytes + at + 5, there) : IS_REFUSED;
    at += 5 + there;
  }
  free(m.bytes);
  return so_far != IS_REFUSED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2) return 0;
  const bool offered = (data[0] & 0x80) != 0;
  const size_t piece = (size_t)(data[0] & 0x7F) + 1;
  berth_handshake_watch whole = {.may_resume = offered};
  berth_handshake_watch pieces = {.may_resume = offered};
  const bool passes = watch_pieces(&whole, data + 1, size - 1, size - 1);
  if (watch_pieces(&pieces, data + 1, size - 1, piece) != passes) berth_fuzz_stop("the pieces decide");
  if (whole.over != pieces.over || whole.fault != pieces.fault || whole.alert != pieces.alert)
    berth_fuzz_stop("the pieces decide how it ends");
  if (passes != expected(data + 1, size - 1, offered))
    berth_fuzz_stop(passes ? "a flight passes" : "a flight is refused");
  return 0;
}
