// SPDX-License-Identifier: MIT
/*
 * Hostile bytes for the engine: what a server, or someone on the network, can send before anything is authenticated.
 *
 *   tls_fuzz ROOT.der COUNT NUMBER [FLIGHT]...    COUNT mutations, chosen by NUMBER, of recorded flights of servers
 *
 * It must never crash, open, or give a byte to the application. Needs no clang; tls_client_fuzz.c goes further.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "berth_tls_client.h"

#define LONGEST 65536
#define NOW 1790000000

static berth_tls_context *context;

static void open_context(const char *path)
{
  static uint8_t der[LONGEST];
  FILE *file = fopen(path, "rb");
  const berth_tls_certificate root = {{der, file == NULL ? 0 : fread(der, 1, sizeof der, file)}, true};
  if (file != NULL) fclose(file);
  const berth_tls_context_options options = {.roots = &root, .root_count = 1, .sessions = 2};
  berth_tls_failure failure;
  context = berth_tls_context_new(&options, &failure);
  if (context == NULL) {
    fprintf(stderr, "tls_fuzz: %s: %s\n", path, failure.text);
    exit(2);
  }
}

static void stop(const char *why)
{
  fprintf(stderr, "tls_fuzz: %s\n", why);
  abort();
}

/* The first byte says in which pieces the rest arrives. */
static void try_bytes(const uint8_t *data, size_t size)
{
  berth_tls_failure failure;
  const berth_tls_client_options options = {.host = "hub.example", .now = NOW, .input_size = 512, .output_size = 1024};
  berth_tls_client *client = berth_tls_client_new(context, &options, &failure);
  if (client == NULL) stop("no client");
  const size_t piece = size > 0 ? (size_t)data[0] * 4 + 1 : 1;
  uint8_t out[1024];
  for (size_t at = 1; at < size && berth_tls_advance(client) == BERTH_TLS_HANDSHAKING;) {
    const size_t rest = size - at;
    const size_t taken = berth_tls_feed(client, data + at, rest < piece ? rest : piece);
    at += taken;
    berth_tls_advance(client);
    if (berth_tls_write(client, "secret", 6)) stop("a byte left before the handshake was done");
    if (berth_tls_read(client, out, sizeof out) != 0) stop("a byte came in before the handshake was done");
    if (taken == 0 && berth_tls_drain(client, out, sizeof out) == 0) break;
  }
  berth_tls_end_of_input(client);
  if (berth_tls_advance(client) == BERTH_TLS_OPEN) stop("it opened");
  berth_tls_finish(client);
  berth_tls_client_free(client);
}

static uint64_t state;

/* xorshift64* */
static uint32_t random_below(uint32_t limit)
{
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)((state * 0x2545F4914F6CDD1DULL) >> 32) % limit;
}

static size_t mutate(uint8_t *bytes, size_t size)
{
  const uint32_t count = 1 + random_below(6);
  for (uint32_t i = 0; i < count && size > 8; i++) {
    const uint32_t at = random_below((uint32_t)size - 4);
    switch (random_below(6)) {
      case 0: bytes[at] ^= (uint8_t)(1U << random_below(8)); break;
      case 1: bytes[at] = (uint8_t)random_below(256); break;
      /* A length, most likely. */
      case 2: bytes[at] = random_below(2) ? 0 : 0xFF; break;
      case 3: size = at + 1; break;
      case 4: {
        const uint32_t gap = 1 + random_below(16);
        if (at + gap < size) memmove(bytes + at, bytes + at + gap, size - at - gap), size -= gap;
        break;
      }
      default: {
        const uint32_t length = 1 + random_below(64);
        if (at + length < size && size + length < LONGEST) {
          memmove(bytes + at + length, bytes + at, size - at);
          size += length;
        }
      }
    }
  }
  return size;
}

int main(int count, char **arguments)
{
  static uint8_t bytes[LONGEST];
  static uint8_t flight[LONGEST];
  if (count < 4) {
    fprintf(stderr, "usage: tls_fuzz ROOT.der COUNT NUMBER [FLIGHT]...\n");
    return 2;
  }
  open_context(arguments[1]);
  const long runs = atol(arguments[2]);
  state = strtoull(arguments[3], NULL, 10) * 2 + 1;
  for (long run = 0; run < runs; run++) {
    size_t size = 1 + random_below(512);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)random_below(256);
    if (count > 4 && run % 16 != 0) {
      FILE *file = fopen(arguments[4 + random_below((uint32_t)count - 4)], "rb");
      if (file == NULL) stop("cannot read a flight");
      const size_t length = fread(flight, 1, sizeof flight - 1, file);
      fclose(file);
      memcpy(bytes + 1, flight, length);
      size = mutate(bytes + 1, length) + 1;
    }
    try_bytes(bytes, size);
  }
  berth_tls_context_release(context);
  printf("%ld inputs\n", runs);
  return 0;
}
