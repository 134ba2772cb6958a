// SPDX-License-Identifier: MIT
/* Defines the natives as properties of the global object `berthNatives`. */
#include "berth_ec_binding.h"
#include "berth_hmac_binding.h"
#include "platform.h"
#include "berth_random_binding.h"
#include "resolve.h"
#include "script.h"
#include "tcp.h"
#include "berth_tls_binding.h"

typedef struct {
  const char *name;
  xsCallback callback;
  int length;
} native;

static const native FUNCTIONS[] = {
  {"now", xs_berth_now, 0},
  {"ticks", xs_berth_ticks, 0},
  {"fillRandom", xs_berth_fill_random, 1},
  {"ecGenerate", xs_berth_ec_generate, 2},
  {"ecSign", xs_berth_ec_sign, 3},
  {"ecVerify", xs_berth_ec_verify, 3},
  {"alarm", xs_berth_alarm, 2},
  {"print", xs_berth_print, 1},
  {"input", xs_berth_input, 1},
  {"exit", xs_berth_exit, 1},
  {"resolve", xs_berth_resolve, 2},
  {"makeDirectory", xs_berth_make_directory, 1},
  {"readFile", xs_berth_read_file, 1},
  {"writeFile", xs_berth_write_file, 2},
  {"removeFile", xs_berth_remove_file, 1},
  {"fileSize", xs_berth_file_size, 1},
  {"readFileAt", xs_berth_read_file_at, 3},
  {"writeFileAt", xs_berth_write_file_at, 3},
};

static const native TCP[] = {
  {"Tcp", xs_berth_tcp, 6},
  {"read", xs_berth_tcp_read, 1},
  {"write", xs_berth_tcp_write, 1},
  {"close", xs_berth_tcp_close, 0},
};

static const native TLS_CONTEXT[] = {
  {"TlsContext", xs_berth_tls_context, 7},
  {"close", xs_berth_tls_context_close, 0},
  {"forgetSessions", xs_berth_tls_context_forget_sessions, 0},
};

static const native TLS_ENGINE[] = {
  {"TlsEngine", xs_berth_tls_engine, 5},
  {"advance", xs_berth_tls_engine_advance, 0},
  {"close", xs_berth_tls_engine_close, 0},
  {"drain", xs_berth_tls_engine_drain, 2},
  {"endOfInput", xs_berth_tls_engine_end_of_input, 0},
  {"failureCode", xs_berth_tls_engine_failure_code, 0},
  {"failureText", xs_berth_tls_engine_failure_text, 0},
  {"feed", xs_berth_tls_engine_feed, 3},
  {"finish", xs_berth_tls_engine_finish, 0},
  {"inputRoom", xs_berth_tls_engine_input_room, 0},
  {"pending", xs_berth_tls_engine_pending, 0},
  {"read", xs_berth_tls_engine_read, 1},
  {"readable", xs_berth_tls_engine_readable, 0},
  {"resumed", xs_berth_tls_engine_resumed, 0},
  {"room", xs_berth_tls_engine_room, 0},
  {"suite", xs_berth_tls_engine_suite, 0},
  {"version", xs_berth_tls_engine_version, 0},
  {"write", xs_berth_tls_engine_write, 3},
};

static const native HMAC[] = {
  {"Hmac", xs_berth_hmac, 1},
  {"sign", xs_berth_hmac_sign, 2},
  {"close", xs_berth_hmac_close, 0},
};

static const native EFUSE_HMAC[] = {
  {"EfuseHmac", xs_berth_efuse_hmac, 1},
  {"sign", xs_berth_efuse_hmac_sign, 2},
};

/* xsVar(0): the namespace. */
static void define_functions(xsMachine *the, const native *natives, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    xsVar(1) = xsNewHostFunction(natives[i].callback, natives[i].length);
    xsmcSet(xsVar(0), xsID((char *)natives[i].name), xsVar(1));
  }
}

/* natives[0] is the constructor, the rest are methods. */
static void define_class(xsMachine *the, const native *natives, size_t count)
{
  xsVar(1) = xsNewHostObject(NULL);
  for (size_t i = 1; i < count; i++) {
    xsVar(2) = xsNewHostFunction(natives[i].callback, natives[i].length);
    xsmcSet(xsVar(1), xsID((char *)natives[i].name), xsVar(2));
  }
  xsVar(2) = xsNewHostConstructor(natives[0].callback, natives[0].length, xsVar(1));
  xsmcSet(xsVar(0), xsID((char *)natives[0].name), xsVar(2));
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void berth_install_natives(xsMachine *machine)
{
  xsBeginHost(machine);
  xsmcVars(3);
  xsmcSetNewObject(xsVar(0));
  define_functions(the, FUNCTIONS, COUNT(FUNCTIONS));
  define_class(the, TCP, COUNT(TCP));
  define_class(the, TLS_CONTEXT, COUNT(TLS_CONTEXT));
  define_class(the, TLS_ENGINE, COUNT(TLS_ENGINE));
  define_class(the, HMAC, COUNT(HMAC));
  define_class(the, EFUSE_HMAC, COUNT(EFUSE_HMAC));
  xsmcSet(xsGlobal, xsID("berthNatives"), xsVar(0));
  xsEndHost(machine);
}
