// SPDX-License-Identifier: MIT
/*
 * HMAC-SHA256 by the HMAC peripheral of ESP32-S2, S3, C3, C6 and others, under a key in an eFuse block that no
 * software can read (purpose HMAC_UP). Elsewhere it is absent and says so.
 */
#ifndef BERTH_EFUSE_HMAC_H
#define BERTH_EFUSE_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does this chip have the peripheral? */
bool berth_efuse_hmac_present(void);

/*
 * The code of `message` under the key in KEY block `block`, 0 to 5 (HMAC_KEY0 to HMAC_KEY5 of ESP-IDF).
 * Returns false where there is no peripheral, no such block, or no key with purpose HMAC_UP in it; then `code` is
 * all zeros.
 */
bool berth_efuse_hmac_sign(int block, const uint8_t *message, size_t length, uint8_t code[32]);

#endif
