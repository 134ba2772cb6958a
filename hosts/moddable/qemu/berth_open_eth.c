// SPDX-License-Identifier: MIT
/* QEMU's network card, which ESP-IDF has a driver for, as natives: one card, installed once and never removed. */
#include "xsmc.h"

#include "esp_eth.h"
#include "esp_eth_driver.h"
#include "esp_eth_mac_openeth.h"
#include "esp_event.h"
#include "esp_mac.h"
#include "esp_netif.h"

#include <stdbool.h>

static esp_netif_t *interface;
static esp_eth_handle_t card;
static bool started;

static bool install(void)
{
  if (esp_netif_init() != ESP_OK) return false;
  const esp_err_t loop = esp_event_loop_create_default();
  if (loop != ESP_OK && loop != ESP_ERR_INVALID_STATE) return false;
  const eth_mac_config_t mac_configuration = ETH_MAC_DEFAULT_CONFIG();
  eth_phy_config_t phy_configuration = ETH_PHY_DEFAULT_CONFIG();
  phy_configuration.autonego_timeout_ms = 100;
  esp_eth_mac_t *mac = esp_eth_mac_new_openeth(&mac_configuration);
  esp_eth_phy_t *phy = esp_eth_phy_new_generic(&phy_configuration);
  const esp_eth_config_t configuration = ETH_DEFAULT_CONFIG(mac, phy);
  if (mac == NULL || phy == NULL || esp_eth_driver_install(&configuration, &card) != ESP_OK) return false;
  uint8_t address[6];
  const esp_netif_config_t netif_configuration = ESP_NETIF_DEFAULT_ETH();
  return esp_read_mac(address, ESP_MAC_ETH) == ESP_OK &&
         esp_eth_ioctl(card, ETH_CMD_S_MAC_ADDR, address) == ESP_OK &&
         (interface = esp_netif_new(&netif_configuration)) != NULL &&
         esp_netif_attach(interface, esp_eth_new_netif_glue(card)) == ESP_OK;
}

void xs_berth_open_eth_start(xsMachine *the)
{
  if (interface == NULL && !install()) xsUnknownError("no open_eth: start QEMU with -nic user,model=open_eth");
  if (!started && esp_eth_start(card) != ESP_OK) xsUnknownError("open_eth does not start");
  started = true;
}

void xs_berth_open_eth_stop(xsMachine *the)
{
  (void)the;
  if (started) esp_eth_stop(card);
  started = false;
}

void xs_berth_open_eth_linked(xsMachine *the)
{
  xsmcSetBoolean(xsResult, started && esp_netif_is_netif_up(interface));
}

void xs_berth_open_eth_address(xsMachine *the)
{
  esp_netif_ip_info_t found;
  char text[16];
  if (!started || esp_netif_get_ip_info(interface, &found) != ESP_OK || found.ip.addr == 0) return;
  esp_ip4addr_ntoa(&found.ip, text, sizeof text);
  xsmcSetString(xsResult, text);
}
