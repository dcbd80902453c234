package link

// Effective returns the impairment without the values that have no effect: a queue without a rate,
// bursts without a loss, a shape without jitter, and states that the loss model never enters or
// that do not differ.
func (i Impairment) Effective() Impairment {
	if i.Rate == 0 {
		i.Queue = 0
	}
	if i.Loss.ToBad == 0 || i.Loss.Good == i.Loss.Bad {
		i.Loss = RandomLoss(i.Loss.Good)
	}
	if i.Delay.Jitter == 0 {
		i.Delay.Shape = Uniform
	}
	return i
}

// needs lists the fields that need another one, under the names of UnmarshalText. differ reports
// whether the effective impairment e lacks the value of the field in i.
var needs = []struct {
	name, want string
	differ     func(i, e *Impairment) bool
}{
	{"burst", "has no effect without loss", lossDiffers},
	{"loss_bad", "has no effect without to_bad, the probability of the bad state", lossDiffers},
	{"to_bad", "has no effect if loss_bad equals loss_good", lossDiffers},
	{"to_good", "has no effect without to_bad and loss_bad", lossDiffers},
	{"queue", "has no effect without rate", func(i, e *Impairment) bool { return i.Queue != e.Queue }},
	{"shape", "has no effect without jitter, as in delay=50ms±20ms",
		func(i, e *Impairment) bool { return i.Delay.Shape != e.Delay.Shape }},
}

func lossDiffers(i, e *Impairment) bool { return i.Loss != e.Loss }

// CheckEffect returns a *FieldError for the first of the given fields whose value has no effect, or
// nil. given holds values by name, as from ListFields and ObjectFields.
func (i Impairment) CheckEffect(given map[string]string) error {
	e := i.Effective()
	for _, n := range needs {
		if text := given[n.name]; text != "" && n.differ(&i, &e) {
			return &FieldError{n.name, text, n.want}
		}
	}
	return nil
}
