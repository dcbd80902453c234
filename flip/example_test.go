package flip_test

import (
	"fmt"

	"github.com/ohce/ohce/flip"
)

func ExampleAppend() {
	fmt.Printf("%s\n", flip.Append(nil, []byte("Hello")))
	fmt.Printf("%s\n", flip.Append(nil, []byte("Straße")))
	// In the reversed text, the sigma that came first ends the word.
	fmt.Printf("%s\n", flip.Append(nil, []byte("ΣΟΦΟΣ")))
	// Output:
	// OLLEh
	// ESSARTs
	// σοφος
}

func ExampleAppend_buffer() {
	buf := make([]byte, 0, 64)
	for _, text := range []string{"One", "Two"} {
		buf = flip.Append(buf[:0], []byte(text))
		fmt.Printf("%s\n", buf)
	}
	// Output:
	// ENo
	// OWt
}

func ExampleAppend_notUTF8() {
	fmt.Printf("%q\n", flip.Append(nil, []byte("ok \xff\xc3")))
	// Output:
	// "\xc3\xff KO"
}

func ExampleTransform_Append() {
	src := []byte("Hello")
	for _, t := range []flip.Transform{{}, {Reverse: true}, {SwapCase: true}} {
		fmt.Printf("%s: %s\n", t, t.Append(nil, src))
	}
	// Output:
	// echo: Hello
	// reverse: olleH
	// swapcase: hELLO
}

func ExampleTransform_Append_graphemes() {
	t := flip.Transform{Reverse: true, Graphemes: true}
	fmt.Printf("%s\n", t.Append(nil, []byte("family: 👩‍👩‍👧‍👦")))
	fmt.Printf("%s\n", t.Append(nil, []byte("flag: 🇩🇪")))
	fmt.Printf("%+q\n", t.Append(nil, []byte("cafe\u0301")))
	// Output:
	// 👩‍👩‍👧‍👦 :ylimaf
	// 🇩🇪 :galf
	// "e\u0301fac"
}

func ExampleTransform_String() {
	fmt.Println(flip.Transform{Reverse: true, SwapCase: true})
	fmt.Println(flip.Transform{Reverse: true, SwapCase: true, Graphemes: true})
	// Output:
	// flip
	// flip by graphemes
}

func ExampleParse() {
	t, err := flip.Parse("swapcase")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", t.Append(nil, []byte("Hello")))

	_, err = flip.Parse("rot13")
	fmt.Println(err)
	// Output:
	// hELLO
	// flip: unknown transform "rot13" (known: flip, reverse, swapcase, echo)
}

func ExampleNames() {
	fmt.Println(flip.Names())
	// Output: [flip reverse swapcase echo]
}
