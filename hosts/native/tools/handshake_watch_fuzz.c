// SPDX-License-Identifier: MIT
/*
 * The watch over the handshake below libFuzzer, against the same rules written down for bytes that lie there whole.
 * An input: a byte, in which pieces the rest arrives; the bytes of a server.
 */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "fuzz_world.h"
#include "handshake_watch.h"

typedef struct {
  uint8_t *bytes;
  size_t count;
} flight;

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

/* Joins the handshake bytes of the records in clear. Returns false for a record that is of no TLS. */
static bool join(const uint8_t *bytes, size_t count, flight *joined)
{
  size_t at = 0;
  while (count - at >= 5) {
    const size_t length = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
    if (bytes[at + 1] != 3) return false;
    if (bytes[at] != 22 && bytes[at] != 21) return true;
    const size_t there = length < count - at - 5 ? length : count - at - 5;
    if (bytes[at] == 22) {
      memcpy(joined->bytes + joined->count, bytes + at + 5, there);
      joined->count += there;
    }
    at += 5 + there;
  }
  return true;
}

static bool may_sign(unsigned suite, unsigned hash, unsigned kind)
{
  const bool pss = hash == 8 && kind >= 4 && kind <= 6;
  const bool strong = hash >= 4 && hash <= 6;
  if (suite == 0xC02B || suite == 0xC02C) return strong && kind == 3;
  if (suite == 0xC02F || suite == 0xC030) return (strong && kind == 1) || pss;
  return true;
}

/* A ServerHello whose random is the SHA-256 of "HelloRetryRequest" (RFC 8446, section 4.1.3). */
static bool is_retry(uint8_t type, const uint8_t *body, size_t length)
{
  static const char name[] = "HelloRetryRequest";
  unsigned char hash[32];
  if (mbedtls_sha256_ret((const unsigned char *)name, sizeof name - 1, hash, 0) != 0) abort();
  return type == 2 && length >= 34 && memcmp(body + 2, hash, sizeof hash) == 0;
}

/* Types of messages, each with what may come before it. */
static bool may_come(uint8_t before, bool was_retry, uint8_t type)
{
  static const uint8_t pairs[][2] = {{0, 2}, {2, 11}, {2, 4}, {11, 12}, {12, 13}, {12, 14}, {13, 14}, {14, 4}};
  if (was_retry) return type == 2;
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
    if (pairs[i][0] == before && pairs[i][1] == type) return true;
  return false;
}

/* Is there a message that must be refused, among those whose deciding bytes are there? */
static bool is_refused(const flight *joined)
{
  const uint8_t *bytes = joined->bytes;
  unsigned suite = 0;
  uint8_t before = 0;
  bool was_retry = false;
  for (size_t at = 0; joined->count - at >= 4;) {
    const size_t length = (size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    const size_t there = joined->count - at - 4 < length ? joined->count - at - 4 : length;
    const uint8_t *body = bytes + at + 4;
    if (length > 16384 || !may_come(before, was_retry, bytes[at]) || (bytes[at] == 11 && length <= 3)) return true;
    before = bytes[at];
    was_retry = is_retry(before, body, there);
    if (bytes[at] == 2 && there > 34) {
      const size_t mark = 35 + (size_t)body[34];
      if (there > mark) suite = body[mark] | (suite << 8 & 0xFF00);
      if (there > mark + 1) suite = (unsigned)body[mark] << 8 | body[mark + 1];
    }
    if (bytes[at] == 12 && there > 3) {
      const size_t mark = 4 + (size_t)body[3];
      if (there > mark + 1 && !may_sign(suite, body[mark], body[mark + 1])) return true;
    }
    at += 4 + there;
    if (there < length) break;
  }
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2) return 0;
  const uint8_t *bytes = data + 1;
  const size_t count = size - 1;
  berth_handshake_watch whole = {0};
  berth_handshake_watch pieces = {0};
  const bool passes = watch_pieces(&whole, bytes, count, count);
  if (watch_pieces(&pieces, bytes, count, (size_t)data[0] + 1) != passes) berth_fuzz_stop("the pieces decide");
  if (whole.over != pieces.over || whole.fault != pieces.fault || whole.alert != pieces.alert)
    berth_fuzz_stop("the pieces decide how it ends");
  flight joined = {malloc(count), 0};
  if (joined.bytes == NULL) abort();
  const bool speaks_tls = join(bytes, count, &joined);
  const bool refused = is_refused(&joined);
  free(joined.bytes);
  if (passes != (speaks_tls && !refused)) berth_fuzz_stop(passes ? "a flight passes" : "a flight is refused");
  return 0;
}
