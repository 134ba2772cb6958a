// SPDX-License-Identifier: MIT
/*
 * The engine below libFuzzer. Its randomness is none (see fuzz_world.h), so that recorded servers take it as far as a
 * real one: through the handshake, to data, and to a second connection that resumes the first.
 *
 * An input: a byte, in which pieces the bytes arrive; two bytes, how many of them belong to the first connection; the
 * bytes of a server.
 *
 *   BERTH_ROOT      the root, DER
 *   BERTH_SHOW      if set, a line is printed for each connection: what it came to
 *   BERTH_FLIGHTS   recorded servers to which it may open, as inputs, one behind the other in one file: two bytes of
 *                   length, then the input
 *
 * Nothing may crash or leak. No byte of the application passes before the handshake is done. It may open only where
 * the handshake is, message for message, one that was recorded: whoever fuzzes has no key. And what is read then is
 * what the server sent, from its begin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_world.h"
#include "berth_tls_client.h"

#define NOW 1790000000
#define HEAD 3
#define RECORD_HEADER 5
#define MOST_TRANSCRIPTS 64

/* What all recorded servers send, over and over. */
static const char PLAIN[] = "berth ";

static berth_tls_context *context;
static uint64_t transcripts[MOST_TRANSCRIPTS];
static size_t transcript_count;

/* The handshake messages in clear: FNV-1a over the records of type 22 before the first that is of no handshake. */
static uint64_t transcript_of(const uint8_t *bytes, size_t count)
{
  uint64_t hash = 0xCBF29CE484222325ULL;
  size_t at = 0;
  while (count - at >= RECORD_HEADER) {
    const size_t length = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
    const uint8_t type = bytes[at];
    at += RECORD_HEADER;
    if (type != 22 && type != 21) break;
    for (size_t i = 0; i < length && at + i < count && type == 22; i++) hash = (hash ^ bytes[at + i]) * 0x100000001B3ULL;
    if (length > count - at) break;
    at += length;
  }
  return hash;
}

static size_t first_of(const uint8_t *data, size_t size)
{
  const size_t first = (size_t)data[1] << 8 | data[2];
  return first < size - HEAD ? first : size - HEAD;
}

static void remember(const uint8_t *data, size_t size)
{
  if (size < HEAD || transcript_count + 2 > MOST_TRANSCRIPTS) return;
  const size_t first = first_of(data, size);
  transcripts[transcript_count++] = transcript_of(data + HEAD, first);
  transcripts[transcript_count++] = transcript_of(data + HEAD + first, size - HEAD - first);
}

static bool is_recorded(uint64_t transcript)
{
  for (size_t i = 0; i < transcript_count; i++)
    if (transcripts[i] == transcript) return true;
  return false;
}

static void start(void)
{
  size_t length;
  uint8_t *root = berth_fuzz_read(getenv("BERTH_ROOT"), &length);
  const berth_tls_certificate certificate = {{root, length}, false};
  const berth_tls_context_options options = {.roots = &certificate, .root_count = 1, .sessions = 2};
  berth_tls_failure failure;
  context = berth_tls_context_new(&options, &failure);
  free(root);
  if (context == NULL) berth_fuzz_stop(failure.text);
  uint8_t *flights = berth_fuzz_read(getenv("BERTH_FLIGHTS"), &length);
  for (size_t at = 0; at + 2 <= length;) {
    const size_t size = (size_t)flights[at] << 8 | flights[at + 1];
    at += 2;
    if (size > length - at) berth_fuzz_stop("BERTH_FLIGHTS is cut off");
    remember(flights + at, size);
    at += size;
  }
  free(flights);
}

/* Reads what there is; `heard` counts over the connection. */
static void read_all(berth_tls_client *client, size_t *heard)
{
  char out[100];
  size_t got;
  while ((got = berth_tls_read(client, out, sizeof out)) > 0)
    for (size_t i = 0; i < got; i++)
      if (out[i] != PLAIN[(*heard)++ % (sizeof PLAIN - 1)]) berth_fuzz_stop("a byte that the server did not send");
}

static void check_failure(const berth_tls_client *client)
{
  const berth_tls_failure *failure = berth_tls_client_failure(client);
  if (failure->code == BERTH_TLS_NO_FAILURE) berth_fuzz_stop("failed without a reason");
  if (failure->text[0] == 0 || memchr(failure->text, 0, sizeof failure->text) == NULL) berth_fuzz_stop("no text");
}

/* One connection: the server sends `bytes`, `piece` at a time, and ends. */
static void connect_to(const uint8_t *bytes, size_t count, size_t piece)
{
  const berth_tls_client_options options = {.host = "hub.example", .now = NOW, .input_size = 512, .output_size = 1024};
  berth_tls_failure failure;
  berth_tls_client *client = berth_tls_client_new(context, &options, &failure);
  if (client == NULL) berth_fuzz_stop(failure.text);
  size_t heard = 0;
  size_t at = 0;
  bool wrote = false;
  bool resumed = false;
  while (at < count && berth_tls_advance(client) != BERTH_TLS_FAILED) {
    const size_t rest = count - at;
    const size_t taken = berth_tls_feed(client, bytes + at, rest < piece ? rest : piece);
    at += taken;
    if (berth_tls_advance(client) == BERTH_TLS_HANDSHAKING) {
      if (berth_tls_room(client) != 0 || berth_tls_write(client, "secret", 6)) berth_fuzz_stop("a byte left too early");
      if (berth_tls_readable(client) != 0) berth_fuzz_stop("a byte came in too early");
    } else if (!wrote) wrote = berth_tls_write(client, "hello", 5);
    resumed |= berth_tls_resumed(client);
    read_all(client, &heard);
    char drained[300];
    const size_t sent = berth_tls_drain(client, drained, sizeof drained);
    if (taken == 0 && sent == 0) break;
  }
  berth_tls_end_of_input(client);
  const berth_tls_state state = berth_tls_advance(client);
  read_all(client, &heard);
  const bool opened = wrote || heard > 0 || state == BERTH_TLS_OPEN;
  if (opened && !is_recorded(transcript_of(bytes, at))) berth_fuzz_stop("it opened");
  if (getenv("BERTH_SHOW") != NULL)
    printf("%s, %zu bytes: %s\n", resumed ? "resumed" : opened ? "opened" : "refused", heard,
           berth_tls_client_failure(client)->text);
  if (berth_tls_advance(client) == BERTH_TLS_FAILED) check_failure(client);
  berth_tls_finish(client);
  if (berth_tls_readable(client) != 0 || berth_tls_write(client, "late", 4)) berth_fuzz_stop("alive after its end");
  berth_tls_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (context == NULL) start();
  if (size < HEAD) return 0;
  berth_fuzz_restart();
  const size_t first = first_of(data, size);
  const size_t piece = (size_t)data[0] * 4 + 1;
  connect_to(data + HEAD, first, piece);
  connect_to(data + HEAD + first, size - HEAD - first, piece);
  berth_tls_context_forget_sessions(context);
  return 0;
}
