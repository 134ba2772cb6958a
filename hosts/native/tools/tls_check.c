// SPDX-License-Identifier: MIT
/* Tests in C of what script cannot reach. Prints how many checks passed; exit status 1 at the first that fails. */
#include "check.h"

#include <errno.h>
#include <string.h>

#if defined(ESP_PLATFORM)
#include <esp_heap_caps.h>
#endif

#include "berth_byte_queue.h"
#include "berth_ec.h"
#include "berth_efuse_hmac.h"
#include "berth_handshake_watch.h"
#include "berth_hmac.h"
#include "berth_random.h"
#include "berth_server_name.h"
#include "berth_tls_client.h"
#include "berth_tls_version.h"

int checks_done = 0;

static void check_queue(void)
{
  berth_byte_queue queue = {0};
  uint8_t out[8];
  CHECK(berth_queue_open(&queue, 8));
  CHECK(berth_queue_put(&queue, "abcdef", 6) == 6);
  CHECK(berth_queue_room(&queue) == 2);
  CHECK(berth_queue_take(&queue, out, 4) == 4 && memcmp(out, "abcd", 4) == 0);
  /* Wraps by moving. */
  CHECK(berth_queue_put(&queue, "ghijklmn", 8) == 6);
  CHECK(berth_queue_put(&queue, "x", 1) == 0);
  CHECK(berth_queue_take(&queue, out, 8) == 8 && memcmp(out, "efghijkl", 8) == 0);
  CHECK(berth_queue_take(&queue, out, 8) == 0);
  berth_queue_close(&queue);
  berth_queue_close(&queue);
  CHECK(berth_queue_count(&queue) == 0 && berth_queue_room(&queue) == 0);
}

/* Feeds one handshake message with a body of zeros, of `length` bytes, in a record of its own, byte by byte. */
static bool passes(berth_handshake_watch *watch, uint8_t type, uint8_t length)
{
  uint8_t record[5 + 4 + 255] = {22, 3, 3, 0, (uint8_t)(4 + length), type, 0, 0, length};
  bool good = true;
  for (size_t i = 0; i < 9U + length; i++) good = berth_watch(watch, &record[i], 1);
  return good;
}

/* Feeds messages of these types, up to a 0; returns how many pass. */
static size_t passing(const char *types)
{
  berth_handshake_watch watch = {.may_resume = true};
  size_t count = 0;
  while (types[count] != 0 && passes(&watch, (uint8_t)types[count], 40)) count++;
  return count;
}

/* The order of RFC 5246, section 7.3: 2 ServerHello, 4 ticket, 11 Certificate, 12 key exchange, 13 request, 14 done. */
static void check_message_order(void)
{
  const char *right[] = {"\2\13\14\16", "\2\13\14\15\16", "\2\13\14\16\4", "\2\4"};
  for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) CHECK(passing(right[i]) == strlen(right[i]));
  const char *wrong[] = {"\13",         "\14",         "\16",         "\24",         "\2\2",          "\2\14",
                         "\2\16",       "\2\24",       "\2\143",      "\2\13\13",     "\2\13\16",      "\2\13\24",
                         "\2\13\14\14", "\2\13\14\13", "\2\13\14\24", "\2\13\15",     "\2\13\14\16\16", "\2\4\4"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) CHECK(passing(wrong[i]) == strlen(wrong[i]) - 1);

  berth_handshake_watch empty = {0};
  CHECK(passes(&empty, 2, 40));
  CHECK(!passes(&empty, 11, 3) && empty.alert == 50);
  CHECK(strcmp(empty.fault, "the server sends no certificate") == 0);
}

/* A second ServerHello is right after a HelloRetryRequest (RFC 8446, section 4.1.4) and then only. */
static void check_hello_retry(void)
{
  const uint8_t random[32] = {0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C,
                              0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
                              0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
  for (size_t change = 0; change <= sizeof random; change++) {
    uint8_t record[5 + 4 + 40] = {22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3};
    memcpy(record + 11, random, sizeof random);
    if (change < sizeof random) record[11 + change] ^= 1;
    berth_handshake_watch watch = {0};
    CHECK(berth_watch(&watch, record, sizeof record));
    /* Dropped after a HelloRetryRequest, wrong after a ServerHello that resumes nothing. */
    const uint8_t cipher_change[] = {20, 3, 3, 0, 1, 1};
    const berth_handshake_watch before = watch;
    CHECK(berth_watch(&watch, cipher_change, sizeof cipher_change) == (change == sizeof random));
    if (change < sizeof random) watch = before;
    CHECK(passes(&watch, 2, 40) == (change == sizeof random));
    if (change == sizeof random) CHECK(!passes(&watch, 2, 40));
  }
}

/* Feeds the messages, then a record of this type; returns the watch. */
static berth_handshake_watch after(const char *types, uint16_t suite, bool may_resume, uint8_t record_type)
{
  const uint8_t record[] = {record_type, 3, 3, 0, 1, 1};
  berth_handshake_watch watch = {.may_resume = may_resume};
  for (; *types != 0; types++) {
    CHECK(passes(&watch, (uint8_t)*types, 40));
    watch.suite = suite;
  }
  berth_watch(&watch, record, sizeof record);
  return watch;
}

static bool watches_on(berth_handshake_watch watch)
{
  return !watch.over && watch.fault == NULL;
}

static bool ends(berth_handshake_watch watch)
{
  return watch.over && watch.fault == NULL;
}

static bool refuses(berth_handshake_watch watch)
{
  return watch.over && watch.fault != NULL && watch.alert == 10;
}

/* Only what begins encryption ends the watch: RFC 5246, section 7.3, and RFC 8446, section 5. */
static void check_begin_of_encryption(void)
{
  /* One without a key exchange that is looked at. */
  const uint16_t old = 0;
  const uint16_t tls13 = 0x1301;
  const uint8_t change = 20;
  const uint8_t data = 23;
  CHECK(watches_on(after("", 0, false, change)));
  CHECK(watches_on(after("", 0, true, change)));
  CHECK(watches_on(after("\2", tls13, false, change)));
  CHECK(ends(after("\2", old, true, change)));
  CHECK(ends(after("\2\4", old, true, change)));
  CHECK(ends(after("\2\13\14\16", old, false, change)));
  CHECK(ends(after("\2\13\14\16\4", old, false, change)));
  CHECK(ends(after("\2", tls13, false, data)));
  /* Nothing is skipped without a session. */
  CHECK(refuses(after("\2", old, false, change)));
  CHECK(refuses(after("\2\13", old, true, change)));
  CHECK(refuses(after("\2\13\14", old, true, change)));
  CHECK(refuses(after("\2\13\14\15", old, true, change)));
  const char *clear[] = {"", "\2", "\2\4", "\2\13", "\2\13\14", "\2\13\14\16"};
  for (size_t i = 0; i < sizeof clear / sizeof clear[0]; i++) CHECK(refuses(after(clear[i], old, true, data)));
  const uint8_t unknown[] = {0, 19, 24, 25, 255};
  for (size_t i = 0; i < sizeof unknown; i++) {
    CHECK(refuses(after("", 0, false, unknown[i])));
    CHECK(refuses(after("\2", tls13, false, unknown[i])));
    CHECK(refuses(after("\2\13\14\16", old, false, unknown[i])));
  }
  CHECK(watches_on(after("\2\13", old, false, 21)));

  /* A ticket in place of Certificate, and a Certificate in clear in TLS 1.3. */
  berth_handshake_watch watch = {0};
  CHECK(passes(&watch, 2, 40) && !passes(&watch, 4, 40));
  watch = after("\2", tls13, false, change);
  CHECK(!passes(&watch, 11, 40));
  /* What was dropped was of TLS 1.3: no flight of TLS 1.2 may follow, nor its resumption. */
  watch = after("", 0, false, change);
  CHECK(passes(&watch, 2, 40) && !passes(&watch, 11, 40));
  const uint8_t cipher_change[] = {change, 3, 3, 0, 1, 1};
  watch = after("", 0, true, change);
  CHECK(passes(&watch, 2, 40) && !berth_watch(&watch, cipher_change, sizeof cipher_change));

  /* In the middle of a message nothing but the rest of it, or an alert, is right. */
  const uint8_t half[] = {22, 3, 3, 0, 6, 2, 0, 0, 40, 3, 3};
  watch = (berth_handshake_watch){0};
  CHECK(berth_watch(&watch, half, sizeof half) && !berth_watch(&watch, cipher_change, sizeof cipher_change));
  CHECK(refuses(watch));
}

static berth_name_kind kind(const char *host)
{
  uint8_t address[4];
  return berth_name_kind_of(host, address);
}

static void check_name_kinds(void)
{
  CHECK(kind("hub.example") == BERTH_NAME_DNS);
  CHECK(kind("localhost") == BERTH_NAME_DNS);
  CHECK(kind("xn--bcher-kva.example") == BERTH_NAME_DNS);
  CHECK(kind("1.2.3.4") == BERTH_NAME_IPV4);
  CHECK(kind("255.255.255.255") == BERTH_NAME_IPV4);
  const char *invalid[] = {"",          ".",         "a..b",    "a.",      ".a",      "1.2.3",   "1.2.3.256", "127.1", "2130706433", "0x7f000001", "a.0X", "127.0x1", "1.2.3.4.5",
                           "0x7f.1",    "::1",       "[::1]",   "a b",     "a/b",     "a\tb",    "h\xC3\xB6",  "a:1",
                           "*.example", "1.2.3.4.", "127.1",   "1",       "a.1"};
  for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) CHECK(kind(invalid[i]) == BERTH_NAME_INVALID);
  char label[70];
  memset(label, 'a', sizeof label);
  label[63] = 0;
  CHECK(kind(label) == BERTH_NAME_DNS);
  label[63] = 'a';
  label[64] = 0;
  CHECK(kind(label) == BERTH_NAME_INVALID);
  char name[300];
  for (size_t i = 0; i < sizeof name; i++) name[i] = i % 2 ? '.' : 'a';
  name[253] = 0;
  CHECK(kind(name) == BERTH_NAME_DNS);
  name[253] = '.';
  name[255] = 0;
  CHECK(kind(name) == BERTH_NAME_INVALID);
}

/* A certificate with one entry of subjectAltName. */
static bool covers(int tag, const void *bytes, size_t length, const char *host)
{
  mbedtls_x509_crt certificate;
  mbedtls_x509_crt_init(&certificate);
  certificate.subject_alt_names.buf.tag = 0x80 | tag;
  certificate.subject_alt_names.buf.p = (unsigned char *)bytes;
  certificate.subject_alt_names.buf.len = length;
  return berth_certificate_is_for(&certificate, host);
}

static bool name_covers(const char *name, const char *host)
{
  return covers(2, name, strlen(name), host);
}

static void check_names(void)
{
  CHECK(name_covers("hub.example", "hub.example"));
  CHECK(name_covers("HUB.example", "hub.EXAMPLE"));
  CHECK(name_covers("*.azure-devices.net", "contoso.azure-devices.net"));
  CHECK(!name_covers("hub.example", "hub.example.org"));
  CHECK(!name_covers("hub.example", "xhub.example"));
  CHECK(!name_covers("*.azure-devices.net", "azure-devices.net"));
  CHECK(!name_covers("*.azure-devices.net", "a.b.azure-devices.net"));
  CHECK(!name_covers("*.net", "azure-devices.net"));
  CHECK(!name_covers("*", "hub"));
  CHECK(!name_covers("*.", "hub."));
  CHECK(!name_covers("h*.example.org", "hub.example.org"));
  CHECK(!name_covers("hub.*.org", "hub.example.org"));
  CHECK(!name_covers("", "hub.example"));
  /* A NUL inside the name must not end it: the trick of 2009. */
  CHECK(!covers(2, "hub.example\0.evil.example", 24, "hub.example"));
  CHECK(!covers(2, "hub.example\0", 12, "hub.example"));
  /* Addresses match addresses only, as bytes. */
  CHECK(covers(7, "\x7F\0\0\1", 4, "127.0.0.1"));
  CHECK(!covers(7, "\x7F\0\0\2", 4, "127.0.0.1"));
  CHECK(!covers(7, "\x7F\0\0\1\xFF\xFF\xFF\0", 8, "127.0.0.1"));
  CHECK(!name_covers("127.0.0.1", "127.0.0.1"));
  CHECK(!name_covers("*.0.0.1", "127.0.0.1"));
  CHECK(!covers(1, "hub.example", 11, "hub.example"));
  CHECK(!covers(6, "hub.example", 11, "hub.example"));
  CHECK(!covers(2, NULL, 0, "hub.example"));
}

/* RFC 4231, test cases 1, 2, 3 and 6. */
static void check_hmac(void)
{
  static const struct {
    const char *key;
    size_t key_length;
    int key_byte;
    const char *message;
    size_t length;
    int message_byte;
    const char *code;
  } cases[] = {
    {NULL, 20, 0x0B, "Hi There", 8, 0,
     "\xb0\x34\x4c\x61\xd8\xdb\x38\x53\x5c\xa8\xaf\xce\xaf\x0b\xf1\x2b\x88\x1d\xc2\x00\xc9\x83\x3d\xa7\x26\xe9\x37\x6c"
     "\x2e\x32\xcf\xf7"},
    {"Jefe", 4, 0, "what do ya want for nothing?", 28, 0,
     "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9"
     "\x64\xec\x38\x43"},
    {NULL, 20, 0xAA, NULL, 50, 0xDD,
     "\x77\x3e\xa9\x1e\x36\x80\x0e\x46\x85\x4d\xb8\xeb\xd0\x91\x81\xa7\x29\x59\x09\x8b\x3e\xf8\xc1\x22\xd9\x63\x55\x14"
     "\xce\xd5\x65\xfe"},
    {NULL, 131, 0xAA, "Test Using Larger Than Block-Size Key - Hash Key First", 54, 0,
     "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5\xb7\x7f\x8e\x0b\xc6\x21\x37\x28\xc5\x14\x05\x46\x04\x0f"
     "\x0e\xe3\x7f\x54"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint8_t key[131];
    uint8_t message[64];
    uint8_t code[BERTH_HMAC_LENGTH];
    if (cases[i].key != NULL) memcpy(key, cases[i].key, cases[i].key_length);
    else memset(key, cases[i].key_byte, cases[i].key_length);
    if (cases[i].message != NULL) memcpy(message, cases[i].message, cases[i].length);
    else memset(message, cases[i].message_byte, cases[i].length);
    berth_hmac *hmac = berth_hmac_new(key, cases[i].key_length);
    CHECK(hmac != NULL);
    memset(key, 0, sizeof key);
    /* Twice: signing leaves the key in place. */
    for (int time = 0; time < 2; time++) {
      memset(code, 0, sizeof code);
      CHECK(berth_hmac_sign(hmac, message, cases[i].length, code));
      CHECK(memcmp(code, cases[i].code, sizeof code) == 0);
    }
    berth_hmac_free(hmac);
  }
  CHECK(berth_hmac_new((const uint8_t *)"", 0) == NULL);
  berth_hmac_free(NULL);
}

/* RFC 6979, A.2.5, SHA-256, "sample". */
static const uint8_t EC_SCALAR[] =
  "\xC9\xAF\xA9\xD8\x45\xBA\x75\x16\x6B\x5C\x21\x57\x67\xB1\xD6\x93\x4E\x50\xC3\xDB\x36\xE8\x9B\x12\x7B\x8A\x62\x2B"
  "\x12\x0F\x67\x21";
static const uint8_t EC_POINT[] =
  "\x04\x60\xFE\xD4\xBA\x25\x5A\x9D\x31\xC9\x61\xEB\x74\xC6\x35\x6D\x68\xC0\x49\xB8\x92\x3B\x61\xFA\x6C\xE6\x69\x62"
  "\x2E\x60\xF2\x9F\xB6\x79\x03\xFE\x10\x08\xB8\xBC\x99\xA4\x1A\xE9\xE9\x56\x28\xBC\x64\xF2\xF1\xB2\x0C\x2D\x7E\x9F"
  "\x51\x77\xA3\xC2\x94\xD4\x46\x22\x99";
static const uint8_t EC_SIGNATURE[] =
  "\x30\x46\x02\x21\x00\xEF\xD4\x8B\x2A\xAC\xB6\xA8\xFD\x11\x40\xDD\x9C\xD4\x5E\x81\xD6\x9D\x2C\x87\x7B\x56\xAA\xF9"
  "\x91\xC3\x4D\x0E\xA8\x4E\xAF\x37\x16\x02\x21\x00\xF7\xCB\x1C\x94\x2D\x65\x7C\x41\xD4\x36\xC7\xA1\xB6\xE2\x9F\x65"
  "\xF3\xE9\x00\xDB\xB9\xAF\xF4\x06\x4D\xC4\xAB\x2F\x84\x3A\xCD\xA8";

static bool holds(const uint8_t *point, const char *message, const uint8_t *signature, size_t length)
{
  return berth_ec_verify(point, BERTH_EC_POINT, (const uint8_t *)message, strlen(message), signature, length);
}

static void check_ec(void)
{
  const size_t known = sizeof EC_SIGNATURE - 1;
  CHECK(holds(EC_POINT, "sample", EC_SIGNATURE, known));
  CHECK(!holds(EC_POINT, "Sample", EC_SIGNATURE, known));
  CHECK(!holds(EC_POINT, "sample", EC_SIGNATURE, known - 1));
  CHECK(!holds(EC_POINT, "sample", EC_SIGNATURE, 0));
  /* Every byte counts, those of DER too; in memory of exactly that length, for the sanitizer. */
  bool any = false;
  for (size_t i = 0; i < known; i++) {
    uint8_t *other = malloc(known);
    memcpy(other, EC_SIGNATURE, known);
    other[i] ^= 0x01;
    any = any || holds(EC_POINT, "sample", other, known);
    memcpy(other, EC_SIGNATURE, i);
    uint8_t *cut = i == 0 ? NULL : malloc(i);
    if (cut != NULL) memcpy(cut, EC_SIGNATURE, i);
    any = any || (cut != NULL && holds(EC_POINT, "sample", cut, i));
    free(cut);
    free(other);
  }
  CHECK(!any);
  uint8_t point[BERTH_EC_POINT];
  memcpy(point, EC_POINT, sizeof point);
  point[64] ^= 1;
  CHECK(!holds(point, "sample", EC_SIGNATURE, known));
  CHECK(!berth_ec_verify(EC_POINT, BERTH_EC_POINT - 1, (const uint8_t *)"sample", 6, EC_SIGNATURE, known));

  uint8_t scalar[BERTH_EC_SCALAR];
  uint8_t signature[BERTH_EC_SIGNATURE];
  size_t length = 0;
  bool all = true;
  /* Short and negative numbers in DER come by themselves. */
  for (int i = 0; i < 20; i++) {
    all = all && berth_ec_sign(EC_SCALAR, (const uint8_t *)"sample", 6, signature, &length) &&
          holds(EC_POINT, "sample", signature, length);
  }
  CHECK(all);
  CHECK(berth_ec_generate(scalar, point));
  CHECK(berth_ec_sign(scalar, (const uint8_t *)"sample", 6, signature, &length));
  CHECK(holds(point, "sample", signature, length) && !holds(EC_POINT, "sample", signature, length));
  memset(scalar, 0, sizeof scalar);
  CHECK(!berth_ec_sign(scalar, (const uint8_t *)"sample", 6, signature, &length) && length == 0);
  memset(scalar, 0xFF, sizeof scalar);
  CHECK(!berth_ec_sign(scalar, (const uint8_t *)"sample", 6, signature, &length) && length == 0);
}

/* With ESP_PLATFORM the fake of tools/fake-idf stands in for the peripheral: KEY0 holds twenty bytes 0x0B. */
static void check_efuse(void)
{
  uint8_t code[32];
  memset(code, 1, sizeof code);
#if defined(ESP_PLATFORM)
  CHECK(berth_efuse_hmac_present());
  CHECK(berth_efuse_hmac_sign(0, (const uint8_t *)"Hi There", 8, code));
  CHECK(code[0] == 0xB0 && code[31] == 0xF7);
  CHECK(!berth_efuse_hmac_sign(1, (const uint8_t *)"Hi There", 8, code));
#else
  CHECK(!berth_efuse_hmac_present());
  CHECK(!berth_efuse_hmac_sign(0, (const uint8_t *)"Hi There", 8, code));
#endif
  CHECK(code[0] == 0 && code[31] == 0);
  CHECK(!berth_efuse_hmac_sign(-1, (const uint8_t *)"", 0, code));
  CHECK(!berth_efuse_hmac_sign(6, (const uint8_t *)"", 0, code));
}

static berth_tls_code explained(berth_tls_phase phase, int result, uint32_t flags, int alert)
{
  berth_tls_failure failure;
  berth_tls_explain(&failure, phase, result, flags, alert);
  CHECK(failure.text[0] != 0);
  return failure.code;
}

/* With these in place of the C library's our own allocations fail, the one with that number. mbedTLS keeps its. */
/* Volatile, for the compiler knows that malloc looks at no variable of ours. */
static volatile int allocations_left = -1;
#if defined(ESP_PLATFORM)
esp_alloc_failed_hook_t fake_failed_alloc_callback;
#endif

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);

static bool is_refused(size_t size)
{
  if (allocations_left-- != 0) return false;
#if defined(ESP_PLATFORM)
  if (fake_failed_alloc_callback != NULL) fake_failed_alloc_callback(size, MALLOC_CAP_8BIT, "malloc");
#else
  (void)size;
  errno = ENOMEM;
#endif
  return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
  return is_refused(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
  return is_refused(size) ? NULL : __real_malloc(size);
}

static berth_lack lack_of(int allocation, size_t size)
{
  berth_lack lack = {0};
  berth_memory_watch();
  allocations_left = allocation;
  void *volatile room = malloc(size);
  allocations_left = -1;
  free(room);
  berth_memory_note(&lack);
  return lack;
}

/* Where memory was lacking nothing is believed that mbedTLS computes: a signature that it could not check is wrong. */
static void check_blame(int refused, uint32_t expired, uint32_t name)
{
  const berth_tls_phase early = BERTH_TLS_PHASE_HANDSHAKE;
  const struct {
    berth_tls_phase phase;
    int result;
    uint32_t flags;
    int alert;
    berth_tls_code code;
  } cases[] = {
    {early, refused, MBEDTLS_X509_BADCERT_NOT_TRUSTED, -1, BERTH_TLS_OUT_OF_MEMORY},
    {early, MBEDTLS_ERR_SSL_INVALID_MAC, 0, -1, BERTH_TLS_OUT_OF_MEMORY},
    {BERTH_TLS_PHASE_SETUP, MBEDTLS_ERR_X509_INVALID_FORMAT, 0, -1, BERTH_TLS_OUT_OF_MEMORY},
    /* The server got half a message. */
    {early, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, 0, 50, BERTH_TLS_OUT_OF_MEMORY},
    /* Nothing but a comparison. */
    {early, refused, expired, -1, BERTH_TLS_EXPIRED},
    {early, refused, name, -1, BERTH_TLS_NAME_MISMATCH},
  };
  const berth_lack none = lack_of(-1, 77);
  const berth_lack lack = lack_of(0, 77);
  CHECK(!none.lacked && lack.lacked);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    berth_tls_failure failure;
    berth_tls_explain(&failure, cases[i].phase, cases[i].result, cases[i].flags, cases[i].alert);
    const berth_tls_failure before = failure;
    berth_tls_blame_memory(&failure, &none);
    CHECK(failure.code == before.code && strcmp(failure.text, before.text) == 0);
    berth_tls_blame_memory(&failure, &lack);
    CHECK(failure.code == cases[i].code && failure.detail == before.detail && failure.alert == before.alert);
#if defined(ESP_PLATFORM)
    if (failure.code == BERTH_TLS_OUT_OF_MEMORY)
      CHECK(strcmp(failure.text, "TLS, 77 bytes asked for, 9000 free, 1024 in one piece") == 0);
#endif
  }
}

static void check_failures(void)
{
  const berth_tls_phase early = BERTH_TLS_PHASE_HANDSHAKE;
  const int refused = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
  const int alert = MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE;
  const uint32_t expired = MBEDTLS_X509_BADCERT_EXPIRED;
  const uint32_t future = MBEDTLS_X509_BADCERT_FUTURE;
  const uint32_t name = MBEDTLS_X509_BADCERT_CN_MISMATCH;
  const uint32_t untrusted = MBEDTLS_X509_BADCERT_NOT_TRUSTED;
  CHECK(explained(early, refused, untrusted, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, refused, untrusted | expired | name, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, refused, expired, -1) == BERTH_TLS_EXPIRED);
  CHECK(explained(early, refused, future, -1) == BERTH_TLS_EXPIRED);
  CHECK(explained(early, refused, expired | name, -1) == BERTH_TLS_EXPIRED);
  CHECK(explained(early, refused, name, -1) == BERTH_TLS_NAME_MISMATCH);
  CHECK(explained(early, refused, MBEDTLS_X509_BADCERT_BAD_MD | name, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, refused, MBEDTLS_X509_BADCERT_KEY_USAGE, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, refused, MBEDTLS_X509_BADCERT_OTHER, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, alert, 0, 40) == BERTH_TLS_HANDSHAKE);
  CHECK(explained(early, alert, 0, 70) == BERTH_TLS_HANDSHAKE);
  CHECK(explained(early, alert, 0, 48) == BERTH_TLS_CLIENT_CERTIFICATE);
  CHECK(explained(BERTH_TLS_PHASE_FRESH, alert, 0, 116) == BERTH_TLS_CLIENT_CERTIFICATE);
  CHECK(explained(BERTH_TLS_PHASE_OPEN, alert, 0, 116) == BERTH_TLS_LOST);
  CHECK(explained(BERTH_TLS_PHASE_OPEN, alert, 0, 20) == BERTH_TLS_LOST);
  CHECK(explained(early, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, 0, -1) == BERTH_TLS_HANDSHAKE);
  CHECK(explained(early, MBEDTLS_ERR_SSL_CONN_EOF, 0, -1) == BERTH_TLS_HANDSHAKE);
  CHECK(explained(BERTH_TLS_PHASE_OPEN, MBEDTLS_ERR_SSL_CONN_EOF, 0, -1) == BERTH_TLS_LOST);
  CHECK(explained(BERTH_TLS_PHASE_OPEN, MBEDTLS_ERR_SSL_INVALID_MAC, 0, -1) == BERTH_TLS_LOST);
  CHECK(explained(early, MBEDTLS_ERR_X509_INVALID_FORMAT, 0, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, MBEDTLS_ERR_PK_UNKNOWN_PK_ALG, 0, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE, 0, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, refused, BERTH_BADCERT_CONSTRAINED | expired, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, refused, BERTH_BADCERT_AUTHORITY, -1) == BERTH_TLS_UNTRUSTED);
  CHECK(explained(early, MBEDTLS_ERR_SSL_ALLOC_FAILED, 0, -1) == BERTH_TLS_OUT_OF_MEMORY);
  CHECK(explained(BERTH_TLS_PHASE_SETUP, MBEDTLS_ERR_X509_INVALID_FORMAT, 0, -1) == BERTH_TLS_INVALID_ARGUMENT);
  /* Lack of memory by each module's code, alone or added: RSA and big numbers, X.509 and ASN.1, ECP, MD, CIPHER, PSA. */
  const int lacks[] = {-0x0010, -0x4290, -0x006A, -0x23EA, -0x4D80, -0x5180, -0x6180, -141};
  for (size_t i = 0; i < sizeof lacks / sizeof lacks[0]; i++) {
    CHECK(explained(BERTH_TLS_PHASE_SETUP, lacks[i], 0, -1) == BERTH_TLS_OUT_OF_MEMORY);
    CHECK(explained(early, lacks[i], 0, -1) == BERTH_TLS_OUT_OF_MEMORY);
  }
  check_blame(refused, expired, name);
}

static void check_context_arguments(void)
{
  berth_tls_failure failure;
  const berth_tls_certificate garbage = {{(const uint8_t *)"garbage", 7}, false};
  const berth_tls_context_options none = {.sessions = 1};
  const berth_tls_context_options bad_root = {.roots = &garbage, .root_count = 1};
  const berth_tls_context_options no_key = {.roots = &garbage, .root_count = 1, .chain = &garbage, .chain_count = 1};
  const berth_tls_context_options fragment = {.roots = &garbage, .root_count = 1, .maximum_fragment = 1000};
  const berth_tls_context_options sessions = {.roots = &garbage, .root_count = 1, .sessions = 3};
  const berth_tls_context_options *wrong[] = {&none, &bad_root, &no_key, &fragment, &sessions};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    CHECK(berth_tls_context_new(wrong[i], &failure) == NULL);
    CHECK(failure.code == BERTH_TLS_INVALID_ARGUMENT && failure.text[0] != 0);
  }
  berth_tls_context_release(NULL);
  berth_tls_client_free(NULL);
}

static void check_random(void)
{
  uint8_t bytes[2][BERTH_MOST_RANDOM + 1] = {{0}, {0}};
  CHECK(berth_random_fill(bytes[0], 0) && bytes[0][0] == 0);
  CHECK(!berth_random_fill(bytes[0], sizeof bytes[0]));
  for (size_t i = 0; i < 2; i++) CHECK(berth_random_fill(bytes[i], BERTH_MOST_RANDOM));
  CHECK(bytes[0][BERTH_MOST_RANDOM] == 0 && memcmp(bytes[0], bytes[1], BERTH_MOST_RANDOM) != 0);
}

static void check_lack_of_memory(berth_tls_context *context)
{
  static const struct {
    int allocation;
    const char *text;
  } cases[] = {{0, " bytes asked for"}, {1, "TLS, 600 bytes asked for"}, {2, "TLS, 1100 bytes asked for"}};
  berth_tls_failure failure;
  const berth_tls_client_options options = {.host = "h", .now = 1790000000, .input_size = 600, .output_size = 1100};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    allocations_left = cases[i].allocation;
    CHECK(berth_tls_client_new(context, &options, &failure) == NULL);
    allocations_left = -1;
    CHECK(failure.code == BERTH_TLS_OUT_OF_MEMORY && strstr(failure.text, cases[i].text) != NULL);
#if defined(ESP_PLATFORM)
    CHECK(strstr(failure.text, ", 9000 free, 1024 in one piece") != NULL);
#endif
  }
  const berth_tls_client_options large = {.host = "h", .now = 1790000000, .input_size = SIZE_MAX};
  CHECK(berth_tls_client_new(context, &large, &failure) == NULL && failure.code == BERTH_TLS_INVALID_ARGUMENT);
  berth_tls_client *client = berth_tls_client_new(context, &options, &failure);
  CHECK(client != NULL);
  berth_tls_client_free(client);
}

/* A self-signed certificate of P-256, for nothing but that there is one. */
static void check_memory(const char *root)
{
  static uint8_t der[4096];
  FILE *file = fopen(root, "rb");
  CHECK(file != NULL);
  const berth_tls_certificate certificate = {{der, fread(der, 1, sizeof der, file)}, true};
  fclose(file);
  const berth_tls_context_options options = {.roots = &certificate, .root_count = 1};
  berth_tls_failure failure;
  allocations_left = 0;
  CHECK(berth_tls_context_new(&options, &failure) == NULL);
  allocations_left = -1;
  CHECK(failure.code == BERTH_TLS_OUT_OF_MEMORY && strstr(failure.text, " bytes asked for") != NULL);
  berth_tls_context *context = berth_tls_context_new(&options, &failure);
  CHECK(context != NULL);
  check_lack_of_memory(context);
  berth_tls_context_release(context);
}

/* tls_check ROOT: a certificate in DER */
int main(int count, char **arguments)
{
  CHECK(count == 2);
  check_queue();
  check_message_order();
  check_hello_retry();
  check_begin_of_encryption();
  check_name_kinds();
  check_names();
  check_hmac();
  check_ec();
  check_efuse();
  check_failures();
  check_context_arguments();
  check_random();
  check_memory(arguments[1]);
  printf("%d checks passed\n", checks_done);
  return 0;
}
