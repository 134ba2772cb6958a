// SPDX-License-Identifier: MIT
/** The enrollments in force: those of the configuration, and what a test adds or removes while the emulator runs. */
import type {
  Configuration,
  EnrollmentBase,
  EnrollmentGroup,
  IndividualEnrollment,
  InitialTwin,
} from "./configuration";
import { checkSection } from "./hub/twin";
import { DEVICE_ID_RULE, isDeviceId } from "./names";
import type { EnrollmentChange } from "./records";
import type { SharedAccessSignature } from "./shared-access-signature";
import { GroupKeys, type GroupMembership } from "./symmetric-keys";

/** Where an enrollment stands. */
export interface EnrollmentPlace {
  kind: "individual" | "group";
  /** Registration id or group id. */
  id: string;
  /** The configuration file and the line in it, counted from 1; absent for one that the service API wrote. */
  source?: string;
  line?: number;
}

/** Lookup by registration id and group id, ignoring case as DPS does. */
export class EnrollmentRegistry {
  readonly #individuals = new Map<string, IndividualEnrollment>();
  readonly #groups = new Map<string, EnrollmentGroup>();
  readonly #groupKeys = new GroupKeys();
  /** That of the device which was searched for last. */
  #latest: EnrollmentGroup | undefined;
  /** The id of the group that a device came by before; the state knows it. */
  groupBefore: (registrationId: string) => string | undefined = () => undefined;

  /** What the configuration file holds; one that the service API writes is another object. */
  readonly #lines = new WeakMap<EnrollmentBase, { source: string; line: number }>();

  constructor(configuration: Pick<Configuration, "enrollments" | "enrollmentGroups" | "places">) {
    const { places } = configuration;
    for (const list of places ? (["enrollments", "enrollmentGroups"] as const) : [])
      for (const [at, enrollment] of configuration[list].entries()) {
        const line = places?.[list][at];
        if (places && line !== undefined) this.#lines.set(enrollment, { source: places.source, line });
      }
    for (const enrollment of configuration.enrollments) this.setIndividual(enrollment);
    for (const group of configuration.enrollmentGroups) this.setGroup(group);
  }

  /** What the service API changed goes before the configuration. */
  apply(changes: Iterable<EnrollmentChange>): void {
    for (const { kind, key, value } of changes) {
      if (value === undefined) kind === "individual" ? this.removeIndividual(key) : this.removeGroup(key);
      else if ("registrationId" in value) this.setIndividual(value);
      else this.setGroup(value);
    }
  }

  /**
   * Adds an individual enrollment or replaces the one with its registration id.
   * @throws RangeError when a hub would refuse its device id or its initial twin
   */
  setIndividual(enrollment: IndividualEnrollment): void {
    const { deviceId, initialTwin } = enrollment;
    if (deviceId !== undefined && !isDeviceId(deviceId)) throw new RangeError(`deviceId ${DEVICE_ID_RULE}`);
    checkTwin(initialTwin);
    this.#individuals.set(enrollment.registrationId.toLowerCase(), enrollment);
  }

  /** Adds a group or replaces the one with its id. @throws RangeError when a hub would refuse its initial twin */
  setGroup(group: EnrollmentGroup): void {
    checkTwin(group.initialTwin);
    this.#groupKeys.clear();
    this.#groups.set(group.enrollmentGroupId.toLowerCase(), group);
  }

  /** Removes an individual enrollment; false when there is none. */
  removeIndividual(registrationId: string): boolean {
    return this.#individuals.delete(registrationId.toLowerCase());
  }

  /** Removes a group; false when there is none. */
  removeGroup(enrollmentGroupId: string): boolean {
    this.#groupKeys.clear();
    return this.#groups.delete(enrollmentGroupId.toLowerCase());
  }

  individual(registrationId: string): IndividualEnrollment | undefined {
    return this.#individuals.get(registrationId.toLowerCase());
  }

  group(enrollmentGroupId: string): EnrollmentGroup | undefined {
    return this.#groups.get(enrollmentGroupId.toLowerCase());
  }

  /** The symmetric-key group that a token of this device was signed for; undefined when there is none. */
  groupOf(registrationId: string, token: SharedAccessSignature): GroupMembership | undefined {
    const found = this.#groupKeys.find(this.likelyGroups(registrationId), registrationId, token);
    this.#latest = found?.group ?? this.#latest;
    return found;
  }

  /**
   * All groups, the likeliest first: an HMAC or the check of a signature is due for each until one fits. That is the one
   * that the device came by before, else that of the device before it, for fleets are made one after another.
   */
  *likelyGroups(registrationId: string): Iterable<EnrollmentGroup> {
    const before = this.group(this.groupBefore(registrationId) ?? "");
    const latest = this.group(this.#latest?.enrollmentGroupId ?? "");
    if (before) yield before;
    if (latest && latest !== before) yield latest;
    for (const group of this.#groups.values()) if (group !== before && group !== latest) yield group;
  }

  /** What an enrollment is called, and where it stands in the file. */
  placeOf(enrollment: IndividualEnrollment | EnrollmentGroup): EnrollmentPlace {
    const named =
      "registrationId" in enrollment
        ? ({ kind: "individual", id: enrollment.registrationId } as const)
        : ({ kind: "group", id: enrollment.enrollmentGroupId } as const);
    return { ...named, ...this.#lines.get(enrollment) };
  }

  /**
   * The enrollment that refuses a registration id: its own, or the only group when there is no other. Where several groups
   * could have been meant, none is named.
   */
  placeFor(registrationId: string): EnrollmentPlace | undefined {
    const individual = this.individual(registrationId);
    if (individual) return this.placeOf(individual);
    const [group] = this.#groups.size === 1 ? this.#groups.values() : [];
    return group && this.placeOf(group);
  }

  get groups(): Iterable<EnrollmentGroup> {
    return this.#groups.values();
  }

  get individuals(): Iterable<IndividualEnrollment> {
    return this.#individuals.values();
  }
}

function checkTwin(twin: InitialTwin = {}): void {
  checkSection(twin.tags ?? {}, "tags");
  checkSection(twin.properties?.desired ?? {}, "desired");
}
