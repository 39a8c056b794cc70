import { Button, Skeleton } from "@mantine/core";
import { IconDoorExit, IconMapOff } from "@tabler/icons-react";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { Component, type ReactNode, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { failedOf } from "#/relay/index.ts";
import { Empty } from "#/ui/Empty.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";

/** The same page for what never existed and for what is somebody else's. */
export function NotFound() {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${t("notFound.title")} · Nameplate`;
  }, [t]);
  return (
    <Empty
      page
      icon={<IconMapOff size={22} />}
      title={t("notFound.title")}
      actions={
        <Button component="a" href="/" variant="default">
          {t("notFound.home")}
        </Button>
      }
    >
      {t("notFound.text")}
    </Empty>
  );
}

/** The person was removed from the organization while this page was open: what stood here is no longer theirs to see. */
export function Gone({ name }: { name: string }) {
  const { t } = useTranslation();
  return (
    <Empty
      page
      icon={<IconDoorExit size={22} />}
      title={t("organizations.gone.title", { name })}
      actions={
        <Button component="a" href="/account/organizations" variant="default">
          {t("organizations.all")}
        </Button>
      }
    >
      {t("organizations.gone.text")}
    </Empty>
  );
}

/** A page that could not be shown; the shell around it stays. */
export function Crash({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const router = useRouter();
  const problem = failedOf(error);
  return (
    <ErrorCard
      title={t("error.page")}
      problem={problem}
      onRetry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}

export function PageSkeleton() {
  const { t } = useTranslation();
  return (
    <div aria-busy="true" role="status" aria-label={t("loading")}>
      <Skeleton h={28} w={220} mb={12} />
      <Skeleton h={14} w={360} mb={36} maw="100%" />
      <Rows />
    </div>
  );
}

export function Rows({ n = 6 }: { n?: number }) {
  return (
    <div style={{ display: "grid", gap: 10 }}>
      {Array.from({ length: n }, (_, i) => (
        <Skeleton key={i} h={48} radius="md" />
      ))}
    </div>
  );
}

class Boundary extends Component<{ title: string; children: ReactNode }, { error: unknown; tries: number }> {
  override state = { error: null as unknown, tries: 0 };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    if (!this.state.error) return <div key={this.state.tries}>{this.props.children}</div>;
    return (
      <ErrorCard
        title={this.props.title}
        problem={failedOf(this.state.error)}
        onRetry={() => this.setState((old) => ({ error: null, tries: old.tries + 1 }))}
      />
    );
  }
}

/** A part of a screen that loads and fails alone. */
export function Part({ what, children, skeleton }: { what: string; children: ReactNode; skeleton?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Boundary title={t("error.part", { what })}>
      <Suspense
        fallback={
          <div aria-busy="true" role="status" aria-label={t("loading")}>
            {skeleton ?? <Rows n={4} />}
          </div>
        }
      >
        {children}
      </Suspense>
    </Boundary>
  );
}
