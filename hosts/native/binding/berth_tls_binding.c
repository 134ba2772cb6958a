// SPDX-License-Identifier: MIT
/* The TLS engine as the host objects TlsContext and TlsEngine; what they offer is declared in natives.ts. */
#include "berth_xs_binding.h"

#include <stdlib.h>
#include <string.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>

#include "berth_server_name.h"
#include "berth_tls_binding.h"
#include "berth_tls_client.h"

/* More roots, and a longer chain, than a device has. */
#define MOST_CERTIFICATES 16

void xs_berth_tls_context_destructor(void *data)
{
  berth_tls_context_release(data);
}

void xs_berth_tls_engine_destructor(void *data)
{
  berth_tls_client_free(data);
}

/* Copies of what XS may move while the arrays are walked. */
typedef struct {
  berth_tls_certificate certificates[MOST_CERTIFICATES];
  size_t count;
} certificate_list;

typedef struct {
  certificate_list roots;
  certificate_list chain;
  uint8_t *key;
  size_t key_length;
} arguments;

static void free_list(certificate_list *list)
{
  for (size_t i = 0; i < list->count; i++)
    if (!list->certificates[i].lasting) free((void *)list->certificates[i].der.bytes);
  list->count = 0;
}

static void free_arguments(arguments *all)
{
  if (all == NULL) return;
  free_list(&all->roots);
  free_list(&all->chain);
  if (all->key != NULL) mbedtls_platform_zeroize(all->key, all->key_length);
  free(all->key);
  free(all);
}

static void throw_failure(xsMachine *the, const berth_tls_failure *failure)
{
  BERTH_THROW(failure->code, "%s", failure->text);
}

static void throw_no_memory(xsMachine *the, size_t asked)
{
  berth_tls_failure failure;
  berth_tls_no_memory(&failure, asked);
  throw_failure(the, &failure);
}

static uint8_t *copy_of(xsMachine *the, const void *bytes, size_t length)
{
  uint8_t *copy = malloc(length > 0 ? length : 1);
  if (copy == NULL) throw_no_memory(the, length);
  memcpy(copy, bytes, length);
  return copy;
}

static void read_list(xsMachine *the, certificate_list *list, xsSlot *array, xsIntegerValue count)
{
  if (count < 0 || count > MOST_CERTIFICATES)
    BERTH_THROW(BERTH_TLS_INVALID_ARGUMENT, "more than 16 certificates");
  for (xsIntegerValue i = 0; i < count; i++) {
    xsmcGetIndex(xsVar(0), *array, (xsIndex)i);
    const berth_view view = berth_view_of(the, &xsVar(0), false);
    const uint8_t *bytes = view.fixed ? view.bytes : copy_of(the, view.bytes, view.length);
    list->certificates[list->count++] = (berth_tls_certificate){{bytes, view.length}, view.fixed};
  }
}

/* new TlsContext(roots, rootCount, chain, chainCount, key, maximumFragment, sessions) */
void xs_berth_tls_context(xsMachine *the)
{
  BERTH_CONSTRUCT(xs_berth_tls_context_destructor);
  xsmcVars(1);
  /* These may throw, so they come before there is something to free. */
  const xsIntegerValue root_count = xsmcToInteger(xsArg(1));
  const xsIntegerValue chain_count = xsmcToInteger(xsArg(3));
  const xsIntegerValue fragment = xsmcToInteger(xsArg(5));
  const xsIntegerValue sessions = xsmcToInteger(xsArg(6));
  arguments *all = calloc(1, sizeof *all);
  if (all == NULL) throw_no_memory(the, sizeof *all);
  xsTry
  {
    read_list(the, &all->roots, &xsArg(0), root_count);
    read_list(the, &all->chain, &xsArg(2), chain_count);
    if (xsmcTest(xsArg(4))) {
      const berth_view view = berth_view_of(the, &xsArg(4), false);
      all->key = copy_of(the, view.bytes, view.length);
      all->key_length = view.length;
    }
  }
  xsCatch
  {
    free_arguments(all);
    xsThrow(xsException);
  }
  const berth_tls_context_options options = {
    .roots = all->roots.certificates,
    .root_count = all->roots.count,
    .chain = all->chain.certificates,
    .chain_count = all->chain.count,
    .key = {all->key, all->key_length},
    .maximum_fragment = (unsigned)fragment,
    .sessions = (unsigned)sessions,
  };
  berth_tls_failure failure;
  berth_tls_context *context = berth_tls_context_new(&options, &failure);
  free_arguments(all);
  if (context == NULL) throw_failure(the, &failure);
  xsmcSetHostData(xsThis, context);
}

void xs_berth_tls_context_close(xsMachine *the)
{
  berth_tls_context *context = xsmcGetHostDataValidate(xsThis, (void *)xs_berth_tls_context_destructor);
  xsmcSetHostData(xsThis, NULL);
  berth_tls_context_release(context);
}

void xs_berth_tls_context_forget_sessions(xsMachine *the)
{
  berth_tls_context_forget_sessions(BERTH_DATA(xs_berth_tls_context_destructor));
}

/* new TlsEngine(context, host, seconds, inputSize, outputSize) */
void xs_berth_tls_engine(xsMachine *the)
{
  BERTH_CONSTRUCT(xs_berth_tls_engine_destructor);
  berth_tls_context *context = xsmcGetHostDataValidate(xsArg(0), (void *)xs_berth_tls_context_destructor);
  if (context == NULL) xsUnknownError("the context was closed");
  char host[BERTH_LONGEST_NAME + 2];
  xsmcToStringBuffer(xsArg(1), host, sizeof host);
  const berth_tls_client_options options = {
    .host = host,
    .now = (int64_t)xsmcToNumber(xsArg(2)),
    .input_size = (size_t)xsmcToInteger(xsArg(3)),
    .output_size = (size_t)xsmcToInteger(xsArg(4)),
  };
  berth_tls_failure failure;
  berth_tls_client *client = berth_tls_client_new(context, &options, &failure);
  if (client == NULL) throw_failure(the, &failure);
  xsmcSetHostData(xsThis, client);
}

void xs_berth_tls_engine_close(xsMachine *the)
{
  berth_tls_client *client = xsmcGetHostDataValidate(xsThis, (void *)xs_berth_tls_engine_destructor);
  xsmcSetHostData(xsThis, NULL);
  berth_tls_client_free(client);
}

/* Of arguments (bytes, start, end): the bytes from start to end, to be read only. */
static berth_view part_of_arguments(xsMachine *the)
{
  const xsIntegerValue start = xsmcToInteger(xsArg(1));
  const xsIntegerValue end = xsmcToInteger(xsArg(2));
  berth_view view = berth_view_of(the, &xsArg(0), false);
  if (start < 0 || end < start || (size_t)end > view.length) xsRangeError("no such part of the bytes");
  view.bytes += start;
  view.length = (size_t)(end - start);
  return view;
}

/* feed(bytes, start, end): how many were taken */
void xs_berth_tls_engine_feed(xsMachine *the)
{
  berth_tls_client *client = BERTH_DATA(xs_berth_tls_engine_destructor);
  const berth_view part = part_of_arguments(the);
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_feed(client, part.bytes, part.length));
}

void xs_berth_tls_engine_end_of_input(xsMachine *the)
{
  berth_tls_end_of_input(BERTH_DATA(xs_berth_tls_engine_destructor));
}

void xs_berth_tls_engine_advance(xsMachine *the)
{
  xsmcSetInteger(xsResult, berth_tls_advance(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_read(xsMachine *the)
{
  berth_tls_client *client = BERTH_DATA(xs_berth_tls_engine_destructor);
  const berth_view view = berth_view_of(the, &xsArg(0), true);
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_read(client, view.bytes, view.length));
}

/* write(bytes, start, end): whether they were encrypted, all of them */
void xs_berth_tls_engine_write(xsMachine *the)
{
  berth_tls_client *client = BERTH_DATA(xs_berth_tls_engine_destructor);
  const berth_view part = part_of_arguments(the);
  xsmcSetBoolean(xsResult, berth_tls_write(client, part.bytes, part.length));
}

/* drain(target, size): how many bytes were put at its start */
void xs_berth_tls_engine_drain(xsMachine *the)
{
  berth_tls_client *client = BERTH_DATA(xs_berth_tls_engine_destructor);
  const xsIntegerValue size = xsmcToInteger(xsArg(1));
  const berth_view view = berth_view_of(the, &xsArg(0), true);
  if (size < 0 || (size_t)size > view.length) xsRangeError("no such part of the target");
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_drain(client, view.bytes, (size_t)size));
}

void xs_berth_tls_engine_finish(xsMachine *the)
{
  berth_tls_finish(BERTH_DATA(xs_berth_tls_engine_destructor));
}

void xs_berth_tls_engine_room(xsMachine *the)
{
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_room(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_readable(xsMachine *the)
{
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_readable(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_pending(xsMachine *the)
{
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_pending(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_input_room(xsMachine *the)
{
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_tls_input_room(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_failure_code(xsMachine *the)
{
  const berth_tls_client *client = BERTH_DATA(xs_berth_tls_engine_destructor);
  xsmcSetInteger(xsResult, berth_tls_client_failure(client)->code);
}

void xs_berth_tls_engine_failure_text(xsMachine *the)
{
  const berth_tls_client *client = BERTH_DATA(xs_berth_tls_engine_destructor);
  xsmcSetString(xsResult, (char *)berth_tls_client_failure(client)->text);
}

void xs_berth_tls_engine_resumed(xsMachine *the)
{
  xsmcSetBoolean(xsResult, berth_tls_resumed(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_version(xsMachine *the)
{
  xsmcSetString(xsResult, (char *)berth_tls_version_name(BERTH_DATA(xs_berth_tls_engine_destructor)));
}

void xs_berth_tls_engine_suite(xsMachine *the)
{
  xsmcSetString(xsResult, (char *)berth_tls_suite_name(BERTH_DATA(xs_berth_tls_engine_destructor)));
}
