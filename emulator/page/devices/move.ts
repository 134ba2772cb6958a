// SPDX-License-Identifier: MIT
/** Moving a device to another hub, as an operator does it: DPS decides when the device registers again. */
import { deriveDeviceKey } from "../parts/keys";
import { deleteDevice } from "../model/devices";
import {
  attestationOf,
  enrollments,
  loadEnrollments,
  putEnrollment,
  type Registration,
} from "../model/enrollments";

/**
 * Gives the device's enrollment another hub, and deletes its identity in the one that it has, so that the device is
 * refused there and asks DPS. A device of a group gets an enrollment of its own with the key that it has.
 * @returns what happens next, in words
 * @throws ApiError, Error for a group of certificates, whose devices cannot be told apart by a key
 */
export async function moveTo(
  target: string,
  from: { hub: string; deviceId: string },
  registration: Registration,
): Promise<string> {
  await loadEnrollments();
  const { registrationId, enrollmentGroupId } = registration;
  const own = enrollments.value?.find(
    (one) => one.registrationId?.toLowerCase() === registrationId.toLowerCase(),
  );
  const policy = {
    allocationPolicy: "static",
    iotHubHostName: target,
    reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
  };
  if (own) await putEnrollment("individual", registrationId, { ...own, ...policy });
  else {
    const attestation = await attestationOf("group", enrollmentGroupId ?? "");
    const key = attestation.symmetricKey?.primaryKey;
    if (key === undefined)
      throw new Error("a group of certificates moves as a whole: change the hub of the group in Enrollments");
    const symmetricKey = { primaryKey: await deriveDeviceKey(key, registrationId) };
    const body = { registrationId, attestation: { type: "symmetricKey", symmetricKey }, ...policy };
    await putEnrollment("individual", registrationId, body);
  }
  await deleteDevice(from.hub, from.deviceId);
  return `${from.hub} does not know it any more; it goes to ${target} when it asks DPS again`;
}
