// SPDX-License-Identifier: MIT
/* The natives of Hmac and EfuseHmac; the SDK's linker finds them by name. */
#ifndef BERTH_HMAC_BINDING_H
#define BERTH_HMAC_BINDING_H

#include "xsmc.h"

void xs_berth_hmac_destructor(void *data);
void xs_berth_efuse_hmac_destructor(void *data);
void xs_berth_hmac(xsMachine *the);
void xs_berth_hmac_sign(xsMachine *the);
void xs_berth_hmac_close(xsMachine *the);
void xs_berth_efuse_hmac(xsMachine *the);
void xs_berth_efuse_hmac_sign(xsMachine *the);

#endif
