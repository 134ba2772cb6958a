// SPDX-License-Identifier: MIT
/*
 * Lack of memory at every point of a connection's life: each allocation of the engine and of mbedTLS in turn finds
 * none, once.
 *
 *   tls_starve paths|all ADDRESS:PORT NAME ROOT.der [CERTIFICATE.der KEY.der]
 *
 * paths: of allocations that are asked for by the same chain of calls only the first, for arithmetic asks thousands of
 * times.
 *
 * A life is a context, a handshake, bytes there and back, a second connection that resumes the first, and the same
 * bytes; the server sends back what it gets. It has to end in BERTH_TLS_OUT_OF_MEMORY, or to go on as if nothing had
 * been (a session that could not be kept), and the next connection of that context has to open. A sanitizer looks for leaks.
 * Prints each number that is otherwise, then one line; exit status 1 when there was one. mbedTLS is linked statically:
 * its calls are wrapped, too.
 */
#include <errno.h>
#include <execinfo.h>
#include <time.h>

#include "berth_tls_version.h"
#include "blocking.h"

#define GREETING "ping"

typedef struct {
  struct sockaddr_in address;
  const char *host;
  berth_tls_context_options context;
} target;

static int allocations_left = -1;

/* Chains of calls that asked so far, as hashes, 0 for none; and which allocations were the first of theirs. */
#define MOST_PATHS 65536
static struct {
  bool on;
  int asked;
  int count;
  uint64_t seen[MOST_PATHS];
  int first[MOST_PATHS / 2];
} paths;

static void note_path(void)
{
  void *calls[64];
  const int depth = backtrace(calls, 64);
  uint64_t hash = 14695981039346656037U;
  for (int i = 0; i < depth; i++) hash = (hash ^ (uint64_t)(uintptr_t)calls[i]) * 1099511628211U;
  size_t at = hash % MOST_PATHS;
  while (paths.seen[at] != 0 && paths.seen[at] != hash) at = (at + 1) % MOST_PATHS;
  if (paths.seen[at] == 0 && paths.count < MOST_PATHS / 2) {
    paths.seen[at] = hash;
    paths.first[paths.count++] = paths.asked;
  }
  paths.asked++;
}

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);

/* As the C library says it. */
static bool is_refused(void)
{
  if (paths.on) note_path();
  if (allocations_left-- != 0) return false;
  errno = ENOMEM;
  return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
  return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
  return is_refused() ? NULL : __real_malloc(size);
}

/* Whether it opened and the bytes came back. */
static bool visit(const target *to, berth_tls_context *context, berth_tls_failure *failure)
{
  const int descriptor = open_socket(&to->address);
  if (descriptor < 0) give_up("no TCP connection", to->host);
  const berth_tls_client_options options = {.host = to->host, .now = (int64_t)time(NULL)};
  berth_tls_client *client = berth_tls_client_new(context, &options, failure);
  size_t received = 0;
  bool sent = false;
  while (client != NULL && received < strlen(GREETING)) {
    const berth_tls_state state = berth_tls_advance(client);
    if (state == BERTH_TLS_FAILED) break;
    if (state == BERTH_TLS_OPEN && !sent) sent = berth_tls_write(client, GREETING, strlen(GREETING));
    send_pending(client, descriptor);
    receive(client, descriptor, 2048, &received);
  }
  if (client != NULL) {
    *failure = *berth_tls_client_failure(client);
    berth_tls_finish(client);
    send_pending(client, descriptor);
  }
  berth_tls_client_free(client);
  close(descriptor);
  return received == strlen(GREETING);
}

/* Lives once with that allocation refused; -1: with none. */
static void live(const target *to, int number, int *ended, bool *good)
{
  berth_tls_failure failure;
  allocations_left = number;
  berth_tls_context *context = berth_tls_context_new(&to->context, &failure);
  const bool went_on = context != NULL && visit(to, context, &failure) && visit(to, context, &failure);
  allocations_left = -1;
  if (!went_on) {
    ++*ended;
    if (failure.code != BERTH_TLS_OUT_OF_MEMORY) {
      printf("allocation %d: code %d, mbedTLS -0x%04X, %s\n", number, (int)failure.code, (unsigned)-failure.detail,
             failure.text);
      *good = false;
    }
  }
  if (context == NULL) context = berth_tls_context_new(&to->context, &failure);
  if (context == NULL || !visit(to, context, &failure)) {
    printf("after allocation %d: code %d, %s\n", number, (int)failure.code, failure.text);
    *good = false;
  }
  berth_tls_context_release(context);
#if BERTH_NEEDS_PSA
  /* So that the next life starts it, too. */
  mbedtls_psa_crypto_free();
#endif
}

int main(int count, char **arguments)
{
  if (count != 5 && count != 7) give_up("tls_starve", "paths|all ADDRESS:PORT NAME ROOT.der [CERTIFICATE.der KEY.der]");
  const bool all = strcmp(arguments[1], "all") == 0;
  const berth_tls_certificate root = {read_file(arguments[4]), true};
  target to = {.address = read_address(arguments[2]), .host = arguments[3]};
  to.context = (berth_tls_context_options){.roots = &root, .root_count = 1, .sessions = 1};
  berth_tls_certificate chain = {0};
  if (count == 7) {
    chain.der = read_file(arguments[5]);
    to.context.chain = &chain;
    to.context.chain_count = 1;
    to.context.key = read_file(arguments[6]);
  }
  int ended = 0;
  bool good = true;
  /* The first call of it allocates. */
  backtrace((void *[1]){0}, 1);
  paths.on = true;
  live(&to, -1, &ended, &good);
  paths.on = false;
  const int numbers = all ? paths.asked : paths.count;
  for (int i = 0; i < numbers; i++) live(&to, all ? i : paths.first[i], &ended, &good);
  printf("%d allocations, %d refused: %d lives ended in out-of-memory, %d went on\n", paths.asked, numbers, ended,
         numbers - ended);
  free((void *)root.der.bytes);
  free((void *)chain.der.bytes);
  free((void *)to.context.key.bytes);
  return good ? 0 : 1;
}
