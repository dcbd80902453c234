package link

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A field is one value of an Impairment as people write it: in a flag, in a list, in JSON.
type field struct {
	name  string
	usage string                                 // with an example value between backquotes
	get   func(*Impairment) string               // "" where it does nothing
	set   func(i *Impairment, text string) error // text is not ""; the error is about the text alone
	reset func(*Impairment)
}

// fields are in the order in which datagrams meet them.
var fields = [...]field{
	boolField("black_hole", "swallow everything", func(i *Impairment) *bool { return &i.BlackHole }),
	countField("mtu", "swallow packets longer than `BYTES`, headers included",
		func(i *Impairment) *int { return &i.MTU }),
	{"loss", "lose a `SHARE` of the datagrams, as 10%", getLoss, setLoss,
		func(i *Impairment) { i.Loss = lossOf(0, burstOf(i.Loss)) }},
	{"burst", "lose them in bursts of `N` on average", getBurst, setBurst,
		func(i *Impairment) { i.Loss = lossOf(i.Loss.Rate(), 0) }},
	{"rate", "let `BITS` a second through, as 10Mbit/s", getRate, setRate,
		func(i *Impairment) { i.Rate = 0 }},
	countField("queue", "let `N` datagrams wait for the rate, and drop what comes then",
		func(i *Impairment) *int { return &i.Queue }),
	shareField("truncate", "cut a `SHARE` of them short", func(i *Impairment) *float64 { return &i.Truncate }),
	shareField("corrupt", "flip a bit in a `SHARE` of them", func(i *Impairment) *float64 { return &i.Corrupt }),
	{"delay", "deliver after a `TIME`, as 50ms or 50ms±20ms", getDelay, setDelay,
		func(i *Impairment) { i.Delay.Base, i.Delay.Jitter = 0, 0 }},
	{"shape", "how the delay is spread: `NAME` is uniform, normal, pareto", getShape, setShape,
		func(i *Impairment) { i.Delay.Shape = Uniform }},
	boolField("in_order", "let no datagram overtake another", func(i *Impairment) *bool { return &i.Delay.InOrder }),
	shareField("duplicate", "deliver a `SHARE` of them twice", func(i *Impairment) *float64 { return &i.Duplicate }),
	countField("rebind_every", "give the client another port with every `N`th datagram",
		func(i *Impairment) *int { return &i.RebindEvery }),
}

// FieldNames are the names that Set and Get take, in the order in which datagrams meet them:
//
//	black_hole    true
//	mtu           bytes, headers included
//	loss          a share: 10% or 0.1
//	burst         the mean length of bursts of loss (BurstLoss), in datagrams, at least 1
//	rate          bits a second: 10Mbit/s, 64kbit/s, 1000000
//	queue         datagrams
//	truncate      a share
//	corrupt       a share
//	delay         50ms, or with jitter 50ms±20ms or 50ms+-20ms
//	shape         uniform, normal or pareto
//	in_order      true
//	duplicate     a share
//	rebind_every  datagrams
func FieldNames() []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	return names
}

// FieldUsage says in a few words what a field does, with the kind of its value between backquotes
// where it takes one that is not true or false. Of an unknown name it is "".
func FieldUsage(name string) string {
	for i := range fields {
		if fields[i].name == name {
			return fields[i].usage
		}
	}
	return ""
}

// Set sets one field from text, and leaves the others as they are. "" sets it to what does nothing. Dashes
// in a name count as underscores. The error is a *FieldError, and nothing has changed then.
func (i *Impairment) Set(name, text string) error {
	name = strings.ReplaceAll(name, "-", "_")
	for k := range fields {
		f := &fields[k]
		if f.name != name {
			continue
		}
		if text == "" {
			f.reset(i)
			return nil
		}
		changed := *i
		if err := f.set(&changed, text); err != nil {
			return &FieldError{Field: name, Value: text, Want: err.Error()}
		}
		*i = changed
		return nil
	}
	return &FieldError{name, "unknown", "must be one of " + strings.Join(FieldNames(), ", ")}
}

// Get is the text of one field, "" where it does nothing or is unknown. Of a Loss that is neither
// RandomLoss nor BurstLoss it tells the share only.
func (i *Impairment) Get(name string) string {
	for k := range fields {
		if fields[k].name == name {
			return fields[k].get(i)
		}
	}
	return ""
}

// String lists the fields that do something: "loss=10% delay=50ms±20ms". Where none does it is "nothing".
func (i *Impairment) String() string {
	var parts []string
	for k := range fields {
		if text := fields[k].get(i); text != "" {
			parts = append(parts, fields[k].name+"="+text)
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " ")
}

// Apply sets the fields of a list as String writes it, blanks or commas between them, and leaves the
// others as they are; a name alone stands for name=true. The error is a *FieldError, and nothing has
// changed then.
func (i *Impairment) Apply(list string) error {
	texts := make(map[string]string)
	for _, part := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' }) {
		name, text, given := strings.Cut(part, "=")
		if !given {
			text = "true"
		}
		texts[name] = text
	}
	return i.SetAll(texts)
}

// SetAll sets fields by name, as Set does each, and leaves the others as they are. The error is a
// *FieldError of the first that is wrong, and nothing has changed then.
func (i *Impairment) SetAll(texts map[string]string) error {
	changed := *i
	names := FieldNames()
	byName := make(map[string]string, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		known := strings.ReplaceAll(name, "-", "_")
		if !slices.Contains(names, known) {
			return changed.Set(name, "")
		}
		byName[known] = texts[name]
	}
	texts = byName
	if texts["loss"] != "" && texts["burst"] != "" {
		// The new share need not fit the old bursts.
		changed.Loss = Loss{}
	}
	for _, name := range names {
		text, given := texts[name]
		if !given {
			continue
		}
		if err := changed.Set(name, text); err != nil {
			return err
		}
	}
	*i = changed
	return nil
}

func boolField(name, usage string, at func(*Impairment) *bool) field {
	return field{name, usage,
		func(i *Impairment) string {
			if *at(i) {
				return "true"
			}
			return ""
		},
		func(i *Impairment, text string) (err error) {
			if *at(i), err = strconv.ParseBool(text); err != nil {
				return fmt.Errorf("must be true or false")
			}
			return nil
		},
		func(i *Impairment) { *at(i) = false },
	}
}

func countField(name, usage string, at func(*Impairment) *int) field {
	return field{name, usage,
		func(i *Impairment) string {
			if *at(i) == 0 {
				return ""
			}
			return strconv.Itoa(*at(i))
		},
		func(i *Impairment, text string) error {
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil || n < 0 {
				return fmt.Errorf("must be a number from 0 to %d", math.MaxInt32)
			}
			*at(i) = int(n)
			return nil
		},
		func(i *Impairment) { *at(i) = 0 },
	}
}

func shareField(name, usage string, at func(*Impairment) *float64) field {
	return field{name, usage,
		func(i *Impairment) string { return shareText(*at(i)) },
		func(i *Impairment, text string) (err error) {
			*at(i), err = parseShare(text)
			return err
		},
		func(i *Impairment) { *at(i) = 0 },
	}
}

// shareText writes a share in percent, without the noise of binary fractions.
func shareText(share float64) string {
	if share == 0 {
		return ""
	}
	return strconv.FormatFloat(share*100, 'g', 10, 64) + "%"
}

func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) { // NaN is neither
		return 0, fmt.Errorf("must be from 0%% to 100%%, or from 0 to 1")
	}
	return share, nil
}

func getLoss(i *Impairment) string { return shareText(i.Loss.Rate()) }
func getBurst(i *Impairment) string {
	if b := burstOf(i.Loss); b != 0 {
		return strconv.FormatFloat(b, 'g', 10, 64)
	}
	return ""
}

// burstOf is the mean length of the bursts, 0 where there are none.
func burstOf(l Loss) float64 {
	if l.ToGood == 0 || l.Bad != 1 {
		return 0
	}
	return 1 / l.ToGood
}

func lossOf(share, burst float64) Loss {
	if burst == 0 {
		return RandomLoss(share)
	}
	return BurstLoss(share, burst)
}

func setLoss(i *Impairment, text string) error {
	share, err := parseShare(text)
	if err != nil {
		return err
	}
	return i.setLoss(share, burstOf(i.Loss))
}

func setBurst(i *Impairment, text string) error {
	burst, err := strconv.ParseFloat(text, 64)
	if err != nil || !(burst >= 1 && burst <= math.MaxInt32) {
		return fmt.Errorf("must be a number of datagrams, at least 1")
	}
	return i.setLoss(i.Loss.Rate(), burst)
}

// setLoss sets share and length of bursts together: there must be time between the bursts.
func (i *Impairment) setLoss(share, burst float64) error {
	if burst > 0 && share > burst/(burst+1) {
		return fmt.Errorf("a loss of %s does not fit bursts of %g, which lose %s at most",
			shareText(share), burst, shareText(burst/(burst+1)))
	}
	i.Loss = lossOf(share, burst)
	return nil
}

// rateUnits are in the order in which they are tried: no name ends in one that stands before it.
var rateUnits = []struct {
	name string
	bits float64
}{{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit/s", 1}}

func getRate(i *Impairment) string {
	if i.Rate == 0 {
		return ""
	}
	for _, u := range rateUnits[:3] {
		if r := float64(i.Rate) / u.bits; r >= 1 {
			return strconv.FormatFloat(r, 'g', 17, 64) + u.name
		}
	}
	return strconv.FormatInt(i.Rate, 10) + "bit/s"
}

func setRate(i *Impairment, text string) error {
	number, unit := strings.ToLower(text), 1.0
	for _, u := range rateUnits {
		if rest, ok := strings.CutSuffix(number, strings.ToLower(u.name)); ok {
			number, unit = rest, u.bits
			break
		}
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if rate *= unit; err != nil || !(rate >= 0 && rate < 1<<62) || rate > 0 && rate < 1 {
		return fmt.Errorf("must be bits a second, as 10Mbit/s or 64kbit/s")
	}
	i.Rate = int64(math.Round(rate))
	return nil
}

func getDelay(i *Impairment) string {
	d := i.Delay
	switch {
	case d.Base == 0 && d.Jitter == 0:
		return ""
	case d.Jitter == 0:
		return d.Base.String()
	default:
		return d.Base.String() + "±" + d.Jitter.String()
	}
}

func setDelay(i *Impairment, text string) error {
	base, jitter, given := strings.Cut(strings.Replace(text, "+-", "±", 1), "±")
	b, err := parseDelay(base)
	if err != nil {
		return err
	}
	var j time.Duration
	if given {
		if j, err = parseDelay(jitter); err != nil {
			return err
		}
	}
	i.Delay.Base, i.Delay.Jitter = b, j
	return nil
}

// longestDelay is more than any test waits, and less than what adds up beyond a Duration.
const longestDelay = time.Hour

func parseDelay(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d < 0 || d > longestDelay {
		return 0, fmt.Errorf("must be a time with its unit up to %v, as 50ms, or with jitter 50ms±20ms",
			longestDelay)
	}
	return d, nil
}

func getShape(i *Impairment) string {
	if i.Delay.Shape == Uniform {
		return ""
	}
	return i.Delay.Shape.String()
}

func setShape(i *Impairment, text string) error { return i.Delay.Shape.UnmarshalText([]byte(text)) }
