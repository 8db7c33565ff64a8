package wire

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Filled returns what is written of a document instead of it: the same, with an empty list for every list that is
// nil, and an empty map for every map. So JSON has [] and {} and never null for them. Whoever writes a document as
// JSON for others writes this. The document stays as it is; what has nothing to fill in is shared.
//
// Fields that are left out when empty stay out. Bytes are no list, since JSON has them as a string. What a document
// embeds must be exported: nothing else can be filled in.
func Filled(doc any) any {
	if doc == nil {
		return nil
	}
	v, _ := filled(reflect.ValueOf(doc))
	return v.Interface()
}

// Marshal writes a document as JSON, without null for a list.
func Marshal(doc any) ([]byte, error) { return json.Marshal(Filled(doc)) }

// filled returns the value with its lists filled in, and whether that is another one.
func filled(v reflect.Value) (reflect.Value, bool) {
	switch v.Kind() {
	case reflect.Pointer:
		return filledPointer(v)
	case reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		return filled(v.Elem())
	case reflect.Struct:
		return filledStruct(v)
	case reflect.Slice:
		return filledSlice(v)
	case reflect.Array:
		return filledElements(v, func() reflect.Value { return reflect.New(v.Type()).Elem() })
	case reflect.Map:
		return filledMap(v)
	}
	return v, false
}

func filledPointer(v reflect.Value) (reflect.Value, bool) {
	if v.IsNil() {
		return v, false
	}
	to, other := filled(v.Elem())
	if !other {
		return v, false
	}
	out := reflect.New(v.Type().Elem())
	out.Elem().Set(to)
	return out, true
}

// exported is a copy of a struct without what is nobody else's: the owner of a tick goes on with that.
func exported(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			out.Field(i).Set(v.Field(i))
		}
	}
	return out
}

func filledStruct(v reflect.Value) (reflect.Value, bool) {
	out, other := v, false
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || leftOut(&f, v.Field(i)) {
			continue
		}
		x, new := filled(v.Field(i))
		if !new {
			continue
		}
		if !other {
			out, other = exported(v), true
		}
		out.Field(i).Set(x)
	}
	return out, other
}

// leftOut reports whether JSON does not have the field, or not while it is empty.
func leftOut(f *reflect.StructField, v reflect.Value) bool {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" && options == "" {
		return true
	}
	if k := v.Kind(); (k != reflect.Slice && k != reflect.Map) || v.Len() > 0 {
		return false
	}
	return strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
}

func filledSlice(v reflect.Value) (reflect.Value, bool) {
	switch {
	case v.Type().Elem().Kind() == reflect.Uint8:
		return v, false
	case v.IsNil():
		return reflect.MakeSlice(v.Type(), 0, 0), true
	}
	return filledElements(v, func() reflect.Value { return reflect.MakeSlice(v.Type(), v.Len(), v.Len()) })
}

// filledElements fills in those of a slice or array; room makes a new one, once that is needed.
func filledElements(v reflect.Value, room func() reflect.Value) (reflect.Value, bool) {
	out, other := v, false
	for i := range v.Len() {
		x, new := filled(v.Index(i))
		if !new {
			continue
		}
		if !other {
			out, other = room(), true
			reflect.Copy(out, v)
		}
		out.Index(i).Set(x)
	}
	return out, other
}

func filledMap(v reflect.Value) (reflect.Value, bool) {
	if v.IsNil() {
		return reflect.MakeMap(v.Type()), true
	}
	out, other := v, false
	for keys := v.MapRange(); keys.Next(); {
		x, new := filled(keys.Value())
		if !new {
			continue
		}
		if !other {
			out, other = reflect.MakeMapWithSize(v.Type(), v.Len()), true
			for all := v.MapRange(); all.Next(); {
				out.SetMapIndex(all.Key(), all.Value())
			}
		}
		out.SetMapIndex(keys.Key(), x)
	}
	return out, other
}
