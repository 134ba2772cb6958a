// SPDX-License-Identifier: MIT
/* mbedTLS keeps the alert that it received to itself; see alert_of. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "berth_tls_client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>

#include "berth_byte_queue.h"
#include "berth_handshake_watch.h"
#include "berth_name_constraints.h"
#include "berth_server_name.h"
#include "berth_tls_context_internal.h"
#include "berth_tls_version.h"
#include "berth_x509_extension.h"

#define INPUT_SIZE 2048
#define LEAST_INPUT_SIZE 512
/* A record of 4,096 bytes, which is what ESP-IDF's mbedTLS sends at most, with its header and tag. */
#define OUTPUT_SIZE 4352
#define LEAST_OUTPUT_SIZE 1024
#define MOST_SIZE (16 * 1024 * 1024)

/* Certificates from the server's to the root: mbedTLS takes 8 between them unless told otherwise. */
#define LONGEST_PATH 12

/* 2026-01-01: the software is no older. A clock before that is not set, and every certificate would look wrong. */
#define EARLIEST_NOW 1767225600

struct berth_tls_client {
  berth_tls_context *context;
  berth_tls_state state;
  berth_tls_failure failure;
  mbedtls_ssl_context ssl;
  berth_byte_queue input;
  berth_byte_queue output;
  berth_handshake_watch watch;
  int64_t now;
  bool input_ended;
  /* mbedTLS asked for ciphertext, and there was none. */
  bool starved;
  /* A byte of the application has come. */
  bool heard;
  /* A session was offered for resumption. */
  bool offered;
  /* The server's certificates were looked at: a full handshake. */
  bool judged;
  /* Of the path that is being judged: its certificates by depth, how many, and whether one was found wrong. */
  const mbedtls_x509_crt *path[LONGEST_PATH];
  size_t path_length;
  bool path_is_bad;
  bool finished;
  /* In the handshake, or in the last call after it. */
  berth_lack lack;
  char host[BERTH_LONGEST_NAME + 1];
};

static int send_bytes(void *data, const unsigned char *bytes, size_t count)
{
  berth_tls_client *client = data;
  const size_t sent = berth_queue_put(&client->output, bytes, count);
  return sent > 0 ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int receive_bytes(void *data, unsigned char *bytes, size_t size)
{
  berth_tls_client *client = data;
  const size_t received = berth_queue_take(&client->input, bytes, size);
  if (received > 0) return (int)received;
  client->starved = true;
  return client->input_ended ? MBEDTLS_ERR_SSL_CONN_EOF : MBEDTLS_ERR_SSL_WANT_READ;
}

/* Negative, 0 or positive as `a` is before, at or after `b`. */
static int compare_times(const mbedtls_x509_time *a, const struct tm *b)
{
  const int differences[] = {
    a->year - (b->tm_year + 1900), a->mon - (b->tm_mon + 1), a->day - b->tm_mday,
    a->hour - b->tm_hour,          a->min - b->tm_min,       a->sec - b->tm_sec,
  };
  for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
    if (differences[i] != 0) return differences[i];
  return 0;
}

/* What RFC 5280 asks of a path as a whole. Only of one that is good otherwise: it may be much to look at. */
static uint32_t path_flags(berth_tls_client *client)
{
  if (client->path_is_bad) return 0;
  if (!berth_names_are_allowed(client->path, client->path_length, client->host)) return BERTH_BADCERT_CONSTRAINED;
  return berth_is_authority(client->path[0]) ? BERTH_BADCERT_AUTHORITY : 0;
}

/*
 * Called for each certificate of the chain, from the root, which is included, to the server's. Dates are judged here
 * because mbedTLS may be built without (MBEDTLS_HAVE_TIME_DATE, off by default in ESP-IDF); names because mbedTLS 2.28
 * takes a common name for one, "*.com", and knows no addresses.
 */
static int judge(void *data, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
  berth_tls_client *client = data;
  client->judged = true;
  *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
  struct tm now;
  const time_t seconds = (time_t)client->now;
  if (gmtime_r(&seconds, &now) == NULL) return MBEDTLS_ERR_X509_FATAL_ERROR;
  if (compare_times(&certificate->valid_to, &now) < 0) *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
  if (compare_times(&certificate->valid_from, &now) > 0) *flags |= MBEDTLS_X509_BADCERT_FUTURE;
  if (depth == 0 && !berth_certificate_is_for(certificate, client->host)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  if (depth < 0 || depth >= LONGEST_PATH) return MBEDTLS_ERR_X509_FATAL_ERROR;
  if (client->path_length == 0) client->path_length = (size_t)depth + 1;
  client->path[depth] = certificate;
  client->path_is_bad = client->path_is_bad || *flags != 0;
  if (depth > 0) return 0;
  *flags |= path_flags(client);
  client->path_length = 0;
  client->path_is_bad = false;
  return 0;
}

/* The description of the fatal alert that mbedTLS just reported: it has no function for it. */
static int alert_of(const berth_tls_client *client, int result)
{
  if (result != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) return -1;
#if defined(CONFIG_MBEDTLS_DYNAMIC_BUFFER)
  /* ESP-IDF may have freed the message already. */
  return -1;
#endif
  const unsigned char *message = client->ssl.BERTH_PRIVATE(in_msg);
  return message == NULL ? -1 : message[1];
}

static berth_tls_phase phase_of(const berth_tls_client *client)
{
  if (client->state == BERTH_TLS_HANDSHAKING)
    return client->judged ? BERTH_TLS_PHASE_KEY_EXCHANGE : BERTH_TLS_PHASE_HANDSHAKE;
  return client->heard ? BERTH_TLS_PHASE_OPEN : BERTH_TLS_PHASE_FRESH;
}

/* Ends a handshake. */
static void give_up(berth_tls_client *client)
{
  client->state = BERTH_TLS_FAILED;
  berth_tls_blame_memory(&client->failure, &client->lack);
  if (client->lack.lacked) berth_tls_forget_blinding(client->context);
  /* A session that the server chokes on must not fail the next attempt too. */
  berth_tls_forget_session(client->context, client->host);
}

static void fail(berth_tls_client *client, int result)
{
  uint32_t flags = 0;
  berth_memory_note(&client->lack);
  if (result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) flags = mbedtls_ssl_get_verify_result(&client->ssl);
  berth_tls_explain(&client->failure, phase_of(client), result, flags, alert_of(client, result));
  if (client->state == BERTH_TLS_HANDSHAKING) give_up(client);
  else berth_tls_blame_memory(&client->failure, &client->lack);
  client->state = BERTH_TLS_FAILED;
}

/* What mbedTLS might have let pass. */
static void refuse(berth_tls_client *client)
{
  berth_tls_fail(&client->failure, BERTH_TLS_HANDSHAKE, client->watch.fault);
  give_up(client);
  mbedtls_ssl_send_alert_message(&client->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, client->watch.alert);
}

/* Nothing is wrong: more ciphertext, or room for it, is needed. */
static bool is_waiting(int result)
{
  return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/*
 * mbedTLS wants to be called once more. In TLS 1.3 it says WANT_READ also for a ticket that it has already, without
 * asking for more.
 */
static bool goes_on(const berth_tls_client *client, int result)
{
  return (result == MBEDTLS_ERR_SSL_WANT_READ && !client->starved) || result == MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS ||
         result == MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS;
}

static void save_session(berth_tls_client *client)
{
  berth_tls_save_session(client->context, client->host, client->now, &client->ssl);
}

static void opened(berth_tls_client *client)
{
  if (!client->judged && !client->offered) {
    /* Cannot be, unless mbedTLS did not call `judge`: then nobody has looked at date and name. */
    berth_tls_fail(&client->failure, BERTH_TLS_UNTRUSTED, "the server's certificate was not judged");
    client->state = BERTH_TLS_FAILED;
    return;
  }
  /* mbedTLS goes on without much that it had no room for, checks included. */
  if (client->lack.lacked) {
    give_up(client);
    return;
  }
  client->state = BERTH_TLS_OPEN;
  /* A full handshake starts a new life of the session, whatever was known before. */
  if (client->judged) berth_tls_forget_session(client->context, client->host);
  /* In TLS 1.3 the ticket comes later. */
  if (strcmp(mbedtls_ssl_get_version(&client->ssl), "TLSv1.2") == 0) save_session(client);
}

static void shake_hands(berth_tls_client *client)
{
  int result;
  /* Not mbedtls_ssl_set_verify: mbedTLS 3.6.0 passes over that one in TLS 1.3. */
  mbedtls_ssl_conf_verify(&client->context->config, judge, client);
  berth_memory_watch();
  do {
    client->starved = false;
    result = mbedtls_ssl_handshake(&client->ssl);
  } while (goes_on(client, result));
  berth_memory_note(&client->lack);
  if (result == 0) opened(client);
  else if (!is_waiting(result)) fail(client, result);
  mbedtls_ssl_conf_verify(&client->context->config, NULL, NULL);
}

/* Decrypts until there is something for the application: a read of no bytes makes mbedTLS do so. */
static void decrypt(berth_tls_client *client)
{
  while (client->state == BERTH_TLS_OPEN && mbedtls_ssl_get_bytes_avail(&client->ssl) == 0) {
    unsigned char nothing[1];
    client->starved = false;
    berth_memory_watch();
    const int result = mbedtls_ssl_read(&client->ssl, nothing, 0);
    if (goes_on(client, result)) continue;
    if (is_waiting(result)) return;
#if BERTH_TLS13_TICKETS
    if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
      save_session(client);
      continue;
    }
#endif
    if (result < 0) fail(client, result);
    else if (mbedtls_ssl_get_bytes_avail(&client->ssl) == 0) fail(client, MBEDTLS_ERR_SSL_CONN_EOF);
  }
}

berth_tls_state berth_tls_advance(berth_tls_client *client)
{
  if (client->finished) return client->state;
  if (client->state == BERTH_TLS_HANDSHAKING) shake_hands(client);
  if (client->state == BERTH_TLS_OPEN) decrypt(client);
  return client->state;
}

static bool set_up(berth_tls_client *client, const berth_tls_client_options *options, berth_tls_failure *failure)
{
  uint8_t address[4];
  const size_t input_size = options->input_size == 0 ? INPUT_SIZE : options->input_size;
  const size_t output_size = options->output_size == 0 ? OUTPUT_SIZE : options->output_size;
  if (!berth_queue_open(&client->input, input_size) || !berth_queue_open(&client->output, output_size)) {
    berth_tls_no_memory(failure, client->input.bytes == NULL ? input_size : output_size);
    return false;
  }
  berth_memory_watch();
  int result = mbedtls_ssl_setup(&client->ssl, &client->context->config);
  if (result == 0) {
    const bool named = berth_name_kind_of(client->host, address) == BERTH_NAME_DNS;
    result = mbedtls_ssl_set_hostname(&client->ssl, named ? client->host : NULL);
  }
  if (result == 0)
    result = berth_tls_resume(client->context, client->host, client->now, &client->ssl, &client->offered);
  if (result != 0) {
    berth_memory_note(&client->lack);
    berth_tls_explain(failure, BERTH_TLS_PHASE_SETUP, result, 0, -1);
    berth_tls_blame_memory(failure, &client->lack);
    return false;
  }
  mbedtls_ssl_set_bio(&client->ssl, client, send_bytes, receive_bytes, NULL);
  client->watch.may_resume = client->offered;
  return true;
}

static bool check(const berth_tls_client_options *options, berth_tls_failure *failure)
{
  uint8_t address[4];
  const char *wrong = NULL;
  if (options->host == NULL || berth_name_kind_of(options->host, address) == BERTH_NAME_INVALID)
    wrong = "the server's name is no DNS name and no IPv4 address";
  else if (options->now < EARLIEST_NOW)
    wrong = "the clock is not set, so no certificate can be judged";
  else if ((options->input_size > 0 && options->input_size < LEAST_INPUT_SIZE) ||
           (options->output_size > 0 && options->output_size < LEAST_OUTPUT_SIZE))
    wrong = "a buffer is too small";
  else if (options->input_size > MOST_SIZE || options->output_size > MOST_SIZE)
    wrong = "a buffer is too large";
  if (wrong != NULL) berth_tls_fail(failure, BERTH_TLS_INVALID_ARGUMENT, wrong);
  return wrong == NULL;
}

berth_tls_client *berth_tls_client_new(berth_tls_context *context, const berth_tls_client_options *options,
                                       berth_tls_failure *failure)
{
  berth_tls_no_failure(failure);
  if (!check(options, failure)) return NULL;
  berth_tls_client *client = calloc(1, sizeof *client);
  if (client == NULL) {
    berth_tls_no_memory(failure, sizeof *client);
    return NULL;
  }
  client->context = context;
  context->references++;
  client->now = options->now;
  memcpy(client->host, options->host, strlen(options->host) + 1);
  berth_tls_no_failure(&client->failure);
  mbedtls_ssl_init(&client->ssl);
  if (!set_up(client, options, failure)) {
    berth_tls_client_free(client);
    return NULL;
  }
  berth_tls_advance(client);
  return client;
}

void berth_tls_client_free(berth_tls_client *client)
{
  if (client == NULL) return;
  mbedtls_ssl_free(&client->ssl);
  berth_queue_close(&client->input);
  berth_queue_close(&client->output);
  berth_tls_context_release(client->context);
  mbedtls_platform_zeroize(client, sizeof *client);
  free(client);
}

size_t berth_tls_feed(berth_tls_client *client, const void *bytes, size_t count)
{
  const size_t taken = berth_queue_put(&client->input, bytes, count);
  if (client->state == BERTH_TLS_HANDSHAKING && !berth_watch(&client->watch, bytes, taken)) refuse(client);
  return taken;
}

void berth_tls_end_of_input(berth_tls_client *client)
{
  client->input_ended = true;
}

const berth_tls_failure *berth_tls_client_failure(const berth_tls_client *client)
{
  return &client->failure;
}

bool berth_tls_resumed(const berth_tls_client *client)
{
  return client->state == BERTH_TLS_OPEN && !client->judged;
}

const char *berth_tls_version_name(const berth_tls_client *client)
{
  return client->state == BERTH_TLS_OPEN ? mbedtls_ssl_get_version(&client->ssl) : "";
}

const char *berth_tls_suite_name(const berth_tls_client *client)
{
  const char *name = client->state == BERTH_TLS_OPEN ? mbedtls_ssl_get_ciphersuite(&client->ssl) : NULL;
  return name == NULL ? "" : name;
}

size_t berth_tls_input_room(const berth_tls_client *client)
{
  return berth_queue_room(&client->input);
}

size_t berth_tls_readable(const berth_tls_client *client)
{
  if (client->state != BERTH_TLS_OPEN || client->finished) return 0;
  return mbedtls_ssl_get_bytes_avail(&client->ssl);
}

size_t berth_tls_read(berth_tls_client *client, void *bytes, size_t size)
{
  uint8_t *target = bytes;
  size_t filled = 0;
  while (filled < size && berth_tls_readable(client) > 0) {
    berth_memory_watch();
    const int result = mbedtls_ssl_read(&client->ssl, target + filled, size - filled);
    if (result <= 0) {
      fail(client, result == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : result);
      break;
    }
    client->heard = true;
    filled += (size_t)result;
    berth_tls_advance(client);
  }
  return filled;
}

size_t berth_tls_room(const berth_tls_client *client)
{
  if (client->state != BERTH_TLS_OPEN || client->finished) return 0;
  const int expansion = mbedtls_ssl_get_record_expansion(&client->ssl);
  const int payload = mbedtls_ssl_get_max_out_record_payload(&client->ssl);
  if (expansion < 0 || payload <= 0) return 0;
  const size_t room = berth_queue_room(&client->output);
  const size_t record = (size_t)(payload + expansion);
  const size_t rest = room % record;
  return room / record * (size_t)payload + (rest > (size_t)expansion ? rest - (size_t)expansion : 0);
}

bool berth_tls_write(berth_tls_client *client, const void *bytes, size_t count)
{
  const uint8_t *source = bytes;
  if (count > berth_tls_room(client)) return false;
  while (count > 0) {
    berth_memory_watch();
    const int result = mbedtls_ssl_write(&client->ssl, source, count);
    if (result <= 0) {
      fail(client, result);
      return false;
    }
    source += result;
    count -= (size_t)result;
  }
  return client->state == BERTH_TLS_OPEN && !client->finished;
}

size_t berth_tls_pending(const berth_tls_client *client)
{
  return berth_queue_count(&client->output);
}

size_t berth_tls_drain(berth_tls_client *client, void *bytes, size_t size)
{
  return berth_queue_take(&client->output, bytes, size);
}

void berth_tls_finish(berth_tls_client *client)
{
  if (client->finished) return;
  client->finished = true;
  if (client->state == BERTH_TLS_OPEN) mbedtls_ssl_close_notify(&client->ssl);
}
