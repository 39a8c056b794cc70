import { Button, TextInput } from "@mantine/core";
import { IconDeviceMobile, IconFingerprint, IconKey, IconMail, IconMessage } from "@tabler/icons-react";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Factors_query$key } from "#/relay/__generated__/Factors_query.graphql.ts";
import type { FactorsAssociateMutation } from "#/relay/__generated__/FactorsAssociateMutation.graphql.ts";
import type { FactorsCodesMutation } from "#/relay/__generated__/FactorsCodesMutation.graphql.ts";
import type { FactorsConfirmMutation } from "#/relay/__generated__/FactorsConfirmMutation.graphql.ts";
import type { FactorsOffMutation } from "#/relay/__generated__/FactorsOffMutation.graphql.ts";
import type { FactorsRefetchQuery } from "#/relay/__generated__/FactorsRefetchQuery.graphql.ts";
import type { FactorsRemoveMutation } from "#/relay/__generated__/FactorsRemoveMutation.graphql.ts";
import type { FactorsRenameMutation } from "#/relay/__generated__/FactorsRenameMutation.graphql.ts";
import { Cancelled, forget, graphql, type RequestFailed, useAction, useRefetchableFragment } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import { Enrol } from "./Enrol.tsx";
import css from "./factors.module.css";
import { RecoveryCodes } from "./RecoveryCodes.tsx";

const icons = { TOTP: IconDeviceMobile, WEBAUTHN: IconFingerprint, OOB_EMAIL: IconMail, OOB_SMS: IconMessage, RECOVERY_CODES: IconKey };

type Named = { id: string; label: string };

/** A person's second factors: what there is, what can be added, and the codes for the day when none is at hand. */
export function Factors({ query }: { query: Factors_query$key }) {
  const { t } = useTranslation();
  const [{ identity, mfaAuthenticators }, refetch] = useRefetchableFragment<FactorsRefetchQuery, Factors_query$key>(
    graphql`
      # together: a list without what the policy asks for would offer to remove what must stay
      fragment Factors_query on Query @refetchable(queryName: "FactorsRefetchQuery") {
        identity {
          mfaEnabled
          mfaRequiredByPolicy
          mfaKinds
          recoveryCodesLeft
        }
        mfaAuthenticators {
          id
          kind
          label
          isActive
          phishingResistant
          destinationHint
          createdAt
          lastUsedAt
        }
      }
    `,
    query,
  );
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Named | null>(null);
  const [renaming, setRenaming] = useState<Named | null>(null);
  const [off, setOff] = useState(false);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const shown = useRef<string | undefined>(undefined);
  const again = () => refetch({}, { fetchPolicy: "store-and-network" });

  const remove = useAction<FactorsRemoveMutation>(
    graphql`
      mutation FactorsRemoveMutation($id: ID!) {
        disassociateMfaAuthenticator(id: $id) {
          mfaEnabled
        }
      }
    `,
    {
      onDone: () => {
        setRemoving(null);
        toast(t("factors.removed"));
        again();
      },
    },
  );
  const disable = useAction<FactorsOffMutation>(
    graphql`
      mutation FactorsOffMutation($enabled: Boolean!) {
        setMfaEnabled(enabled: $enabled) {
          mfaEnabled
        }
      }
    `,
    {
      onDone: () => {
        setOff(false);
        toast(t("factors.offDone"));
        again();
      },
    },
  );
  const regenerate = useAction<FactorsCodesMutation>(
    graphql`
      mutation FactorsCodesMutation {
        regenerateRecoveryCodes {
          codes
        }
      }
    `,
    {
      updater: (store) => {
        shown.current = store.getRootField("regenerateRecoveryCodes")?.getDataID();
      },
      onDone: ({ regenerateRecoveryCodes }) => {
        setCodes(regenerateRecoveryCodes.codes);
        forget(shown.current);
        again();
      },
    },
  );

  const active = mfaAuthenticators.filter((one) => one.isActive && one.kind !== "RECOVERY_CODES");
  return (
    <Card
      flush={active.length > 0}
      title={t("factors.title")}
      text={t(identity.mfaRequiredByPolicy ? "factors.textRequired" : "factors.text")}
      foot={
        <div className={css.row}>
          {identity.mfaEnabled && !identity.mfaRequiredByPolicy && (
            <Button variant="default" c="var(--np-bad)" onClick={() => setOff(true)}>
              {t("factors.off")}
            </Button>
          )}
          <Button onClick={() => setAdding(true)}>{t("factors.add")}</Button>
        </div>
      }
    >
      {active.length === 0 ? (
        <p className="dim">{t("factors.none")}</p>
      ) : (
        <ul className={css.list} aria-label={t("factors.title")}>
          {active.map((one) => {
            const Icon = icons[one.kind as keyof typeof icons] ?? IconKey;
            return (
              <li key={one.id}>
                <Icon size={20} aria-hidden />
                <div>
                  <strong>{one.label}</strong>
                  {one.phishingResistant && (
                    <Status tone="good" plain>
                      {t("factors.strong")}
                    </Status>
                  )}
                  <p>
                    {one.destinationHint && <span>{one.destinationHint} · </span>}
                    {t("factors.added")} <RelativeTime at={one.createdAt} />
                    {one.lastUsedAt && (
                      <>
                        {" · "}
                        {t("factors.used")} <RelativeTime at={one.lastUsedAt} />
                      </>
                    )}
                  </p>
                </div>
                <div className={css.row} style={{ flex: "none" }}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={t("factors.renameThis", { label: one.label })}
                    onClick={() => setRenaming(one)}
                  >
                    {t("factors.rename")}
                  </Button>
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={t("factors.removeThis", { label: one.label })}
                    onClick={() => setRemoving(one)}
                  >
                    {t("factors.remove")}
                  </Button>
                </div>
              </li>
            );
          })}
          <li>
            <IconKey size={20} aria-hidden />
            <div>
              <strong>{t("factors.codes")}</strong>
              <p>{t("factors.codesLeft", { count: identity.recoveryCodesLeft })}</p>
            </div>
            <Button size="compact-sm" variant="default" loading={regenerate.pending} onClick={() => void regenerate.run({})}>
              {t("factors.regenerate")}
            </Button>
          </li>
        </ul>
      )}
      {regenerate.failed && <ErrorCard problem={regenerate.failed} />}
      {adding && (
        <AddDialog
          only={identity.mfaKinds}
          has={active.filter((one) => one.kind !== "WEBAUTHN").map((one) => one.kind)}
          onClose={() => {
            setAdding(false);
            again();
          }}
        />
      )}
      {renaming && <RenameDialog factor={renaming} onClose={() => setRenaming(null)} />}
      <Dialog opened={codes !== null} onClose={() => setCodes(null)} title={t("factors.codes")} kept>
        {codes && <RecoveryCodes codes={codes} onStored={() => setCodes(null)} />}
      </Dialog>
      <Confirm
        opened={removing !== null}
        onClose={() => {
          setRemoving(null);
          remove.clear();
        }}
        title={t("factors.removeTitle", { label: removing?.label ?? "" })}
        action={t("factors.remove")}
        pending={remove.pending}
        onConfirm={() => removing && void remove.run({ id: removing.id })}
        failure={remove.failed && <ErrorCard problem={remove.failed} />}
      >
        {t(active.length === 1 ? "factors.removeLast" : "factors.removeText")}
      </Confirm>
      <Confirm
        opened={off}
        onClose={() => {
          setOff(false);
          disable.clear();
        }}
        title={t("factors.offTitle")}
        action={t("factors.off")}
        pending={disable.pending}
        onConfirm={() => void disable.run({ enabled: false })}
        failure={disable.failed && <ErrorCard problem={disable.failed} />}
      >
        {t("factors.offText")}
      </Confirm>
    </Card>
  );
}

function AddDialog({ only, has, onClose }: { only: readonly string[]; has: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [keeping, setKeeping] = useState(false);
  const why = useRef<RequestFailed | null>(null);
  const shown = useRef<string | undefined>(undefined);
  const onFailed = (failed: RequestFailed) => {
    why.current = failed;
  };
  const associate = useAction<FactorsAssociateMutation>(
    graphql`
      mutation FactorsAssociateMutation($kind: MfaKind!) {
        associateMfaAuthenticator(kind: $kind) {
          authenticatorId
          kind
          oobCode
          barcodeUri
          secret
          webauthnCreationOptions
          recoveryCodes
        }
      }
    `,
    {
      onFailed,
      updater: (store) => {
        shown.current = store.getRootField("associateMfaAuthenticator")?.getDataID();
      },
    },
  );
  const confirm = useAction<FactorsConfirmMutation>(
    graphql`
      mutation FactorsConfirmMutation($id: ID!, $proof: MfaProof!) {
        confirmMfaAuthenticator(authenticatorId: $id, proof: $proof) {
          authenticators {
            id
            isActive
          }
        }
      }
    `,
    { onFailed },
  );
  return (
    <Dialog opened onClose={onClose} title={t(keeping ? "factors.codes" : "factors.add")} locked kept={keeping}>
      <Enrol
        only={only}
        has={has}
        associate={async (kind) => {
          why.current = null;
          const data = await associate.run({ kind: kind as FactorsAssociateMutation["variables"]["kind"] });
          forget(shown.current);
          if (!data) throw why.current ?? new Cancelled();
          return data.associateMfaAuthenticator;
        }}
        confirm={async (id, proof) => {
          why.current = null;
          if (!(await confirm.run({ id, proof }))) throw why.current ?? new Cancelled();
          return true;
        }}
        onCodes={() => setKeeping(true)}
        onDone={() => {
          toast(t("factors.addedDone"));
          onClose();
        }}
      />
    </Dialog>
  );
}

function RenameDialog({ factor, onClose }: { factor: Named; onClose: () => void }) {
  const { t } = useTranslation();
  const [label, setLabel] = useState(factor.label);
  const rename = useAction<FactorsRenameMutation>(
    graphql`
      mutation FactorsRenameMutation($id: ID!, $label: String!) {
        renameMfaAuthenticator(id: $id, label: $label) {
          id
          label
        }
      }
    `,
    {
      onDone: () => {
        toast(t("saved"));
        onClose();
      },
    },
  );
  function submit(event: FormEvent) {
    event.preventDefault();
    void rename.run({ id: factor.id, label });
  }
  return (
    <Dialog opened onClose={onClose} title={t("factors.renameThis", { label: factor.label })}>
      <form onSubmit={submit}>
        <TextInput
          label={t("factors.label")}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
          error={rename.failed?.fields.label}
          maxLength={100}
          data-autofocus
        />
        {rename.failed && <ErrorCard problem={rename.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={rename.pending}>
            {t("save")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
