package db

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuids reads and writes uuid.UUID as the sixteen octets that they are. Without it pgx takes them for a driver.Valuer and sql.Scanner and goes through text:
// for a page of rows that was a quarter of all allocations.
type uuids struct{ pgtype.UUIDCodec }

func (c uuids) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ours := value.(uuid.UUID); ours && format == pgtype.BinaryFormatCode {
		return writeUUID{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

func (c uuids) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ours := target.(*uuid.UUID); ours && format == pgtype.BinaryFormatCode {
		return readUUID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type writeUUID struct{}

func (writeUUID) Encode(value any, buf []byte) ([]byte, error) {
	u := value.(uuid.UUID)
	return append(buf, u[:]...), nil
}

type readUUID struct{}

func (readUUID) Scan(src []byte, dst any) error {
	if len(src) != 16 {
		return fmt.Errorf("read a uuid: %d octets", len(src))
	}
	copy(dst.(*uuid.UUID)[:], src)
	return nil
}
